# Install rules, the package file and volute.pc. All of them can be moved with what they lead to: nothing installed
# names a folder of the machine it was built on.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/volute")
foreach(kind static shared)
  install(TARGETS volute_${kind} EXPORT volute-${kind}-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}"
          INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  install(EXPORT volute-${kind}-targets NAMESPACE volute:: DESTINATION "${package}")
endforeach()
file(RELATIVE_PATH up "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
if(TARGET volute_cli)
  set_target_properties(volute_cli PROPERTIES INSTALL_RPATH "$<$<PLATFORM_ID:Linux>:$ORIGIN/${up}>")
  install(TARGETS volute_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/volute" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp" PATTERN "*.h")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/volute-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_SOURCE_DIR}/cmake/volute-config.cmake" "${PROJECT_SOURCE_DIR}/cmake/VoluteGlslang.cmake"
        "${PROJECT_BINARY_DIR}/volute-config-version.cmake" DESTINATION "${package}")

# Archives of glslang beside the compiler's own need no -L; others name their folders.
set(VOLUTE_PC_PRIVATE "")
foreach(library IN LISTS VOLUTE_GLSLANG_LIBRARIES)
  get_filename_component(folder "${library}" DIRECTORY)
  if(NOT folder IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
    list(APPEND VOLUTE_PC_PRIVATE "-L${folder}")
  endif()
endforeach()
list(REMOVE_DUPLICATES VOLUTE_PC_PRIVATE)
list(TRANSFORM VOLUTE_GLSLANG_NAMES PREPEND "-l" OUTPUT_VARIABLE names)
list(APPEND VOLUTE_PC_PRIVATE ${names} ${CMAKE_THREAD_LIBS_INIT})
foreach(library IN LISTS CMAKE_DL_LIBS CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
  if(library MATCHES "^(dl|m|c\\+\\+|stdc\\+\\+)$")
    list(APPEND VOLUTE_PC_PRIVATE "-l${library}")
  endif()
endforeach()
list(JOIN VOLUTE_PC_PRIVATE " " VOLUTE_PC_PRIVATE)
file(RELATIVE_PATH VOLUTE_PC_UP "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file("${PROJECT_SOURCE_DIR}/cmake/volute.pc.in" "${PROJECT_BINARY_DIR}/volute.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/volute.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
