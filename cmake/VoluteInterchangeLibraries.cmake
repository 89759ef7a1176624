# Finds what the component interchange is made with, as the target volute::interchange_libraries; the build uses it, and
# the installed package where the component is asked for. VOLUTE_INTERCHANGE_MISSING names what is not there.
# By file and not by CMake package: Debian's ONNXConfig.cmake wants files of packages that need not be installed, and a
# subfolder of another project must not bring cache variables of other names.
set(VOLUTE_INTERCHANGE_MISSING "")
set(VOLUTE_INTERCHANGE_LINKED "")
set(VOLUTE_INTERCHANGE_INCLUDES "")

# volute_interchange_needs(NAME header DEBIAN package LIBRARIES names...)
function(volute_interchange_needs name header)
  cmake_parse_arguments(PARSE_ARGV 2 ARG "" "DEBIAN" "LIBRARIES")
  find_path(VOLUTE_INCLUDE_${name} ${header} PATH_SUFFIXES ${name})
  mark_as_advanced(VOLUTE_INCLUDE_${name})
  set(missing ${VOLUTE_INTERCHANGE_MISSING})
  set(linked ${VOLUTE_INTERCHANGE_LINKED})
  if(NOT VOLUTE_INCLUDE_${name})
    list(APPEND missing "${header} (Debian: ${ARG_DEBIAN})")
  endif()
  foreach(library IN LISTS ARG_LIBRARIES)
    find_library(VOLUTE_LIB_${library} ${library})
    mark_as_advanced(VOLUTE_LIB_${library})
    if(VOLUTE_LIB_${library})
      list(APPEND linked "${VOLUTE_LIB_${library}}")
    else()
      list(APPEND missing "lib${library} (Debian: ${ARG_DEBIAN})")
    endif()
  endforeach()
  set(VOLUTE_INTERCHANGE_MISSING "${missing}" PARENT_SCOPE)
  set(VOLUTE_INTERCHANGE_LINKED "${linked}" PARENT_SCOPE)
  set(VOLUTE_INTERCHANGE_INCLUDES ${VOLUTE_INTERCHANGE_INCLUDES} "${VOLUTE_INCLUDE_${name}}" PARENT_SCOPE)
endfunction()

# Those that use others come first.
volute_interchange_needs(onnx onnx/onnx_pb.h DEBIAN libonnx-dev LIBRARIES onnx_proto)
volute_interchange_needs(protobuf google/protobuf/message.h DEBIAN libprotobuf-dev LIBRARIES protobuf)
volute_interchange_needs(cairo cairo-svg.h DEBIAN libcairo2-dev LIBRARIES cairo)
volute_interchange_needs(zip zip.h DEBIAN libzip-dev LIBRARIES zip)

if(NOT VOLUTE_INTERCHANGE_MISSING AND NOT TARGET volute::interchange_libraries)
  list(REMOVE_DUPLICATES VOLUTE_INTERCHANGE_INCLUDES)
  add_library(volute::interchange_libraries INTERFACE IMPORTED)
  set_target_properties(volute::interchange_libraries PROPERTIES
    INTERFACE_LINK_LIBRARIES "${VOLUTE_INTERCHANGE_LINKED}"
    INTERFACE_INCLUDE_DIRECTORIES "${VOLUTE_INTERCHANGE_INCLUDES}"
    INTERFACE_COMPILE_DEFINITIONS "ONNX_NAMESPACE=onnx;ONNX_ML=1")
endif()
