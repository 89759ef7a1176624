# Install rules and the package file: find_package(volute) gives volute::volute, as add_subdirectory does.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
install(TARGETS volute EXPORT volute-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
if(TARGET volute_cli)
  install(TARGETS volute_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/volute" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp"
        PATTERN "*.h")
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/volute")
install(EXPORT volute-targets NAMESPACE volute:: DESTINATION "${package}")
file(WRITE "${PROJECT_BINARY_DIR}/volute-config.cmake"
     "include(CMakeFindDependencyMacro)\nfind_dependency(Threads)\ninclude(\"\${CMAKE_CURRENT_LIST_DIR}/volute-targets.cmake\")\n")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/volute-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/volute-config.cmake" "${PROJECT_BINARY_DIR}/volute-config-version.cmake"
        DESTINATION "${package}")
