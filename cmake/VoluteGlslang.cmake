# Finds glslang's C interface as static libraries, in link order, as the target volute::glslang; the build uses it, and
# the installed package to link the static library. VOLUTE_GLSLANG_MISSING names what is not there.
# By file and not by CMake package or pkg-config: distributions split the package files so that they name libraries
# that are not installed, and releases from 14 on merged some of these libraries into others.
set(VOLUTE_GLSLANG_NAMES "")
set(VOLUTE_GLSLANG_MISSING "")
set(VOLUTE_GLSLANG_LIBRARIES "")
foreach(name SPIRV glslang glslang-default-resource-limits MachineIndependent GenericCodeGen OGLCompiler OSDependent
             SPIRV-Tools-opt SPIRV-Tools)
  find_library(VOLUTE_LIB_${name} ${name})
  mark_as_advanced(VOLUTE_LIB_${name})
  if(VOLUTE_LIB_${name})
    list(APPEND VOLUTE_GLSLANG_NAMES ${name})
    list(APPEND VOLUTE_GLSLANG_LIBRARIES "${VOLUTE_LIB_${name}}")
  elseif(name MATCHES "^(SPIRV|glslang)$")
    list(APPEND VOLUTE_GLSLANG_MISSING lib${name})
  endif()
endforeach()
if(NOT VOLUTE_GLSLANG_MISSING AND NOT TARGET volute::glslang)
  add_library(volute::glslang INTERFACE IMPORTED)
  set_target_properties(volute::glslang PROPERTIES INTERFACE_LINK_LIBRARIES "${VOLUTE_GLSLANG_LIBRARIES}")
endif()
