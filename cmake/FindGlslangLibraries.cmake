# Finds glslang's C interface as static libraries, in link order.
# By file and not by CMake package: distributions split the package files so that they name libraries
# that are not installed, and releases from 14 on merged some of these libraries into others.
find_path(VOLUTE_GLSLANG_INCLUDE glslang/Include/glslang_c_interface.h REQUIRED)
set(VOLUTE_GLSLANG_LIBRARIES "")
foreach(name SPIRV glslang glslang-default-resource-limits MachineIndependent GenericCodeGen OGLCompiler OSDependent
             SPIRV-Tools-opt SPIRV-Tools)
  find_library(VOLUTE_LIB_${name} ${name})
  mark_as_advanced(VOLUTE_LIB_${name})
  if(VOLUTE_LIB_${name})
    list(APPEND VOLUTE_GLSLANG_LIBRARIES "${VOLUTE_LIB_${name}}")
  elseif(name MATCHES "^(SPIRV|glslang)$")
    message(FATAL_ERROR "lib${name} not found: install glslang's development package (Debian: glslang-dev)")
  endif()
endforeach()
