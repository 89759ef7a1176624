# Outside projects, built and run against what `cmake --install` leaves and against the sources. Each is a ctest entry
# of its own; the installation they share is made by the first and moved before it is used.
function(volute_package_test name)
  add_test(NAME package_${name} COMMAND "${CMAKE_COMMAND}" "-DSTEP=${name}" "-DSOURCE=${PROJECT_SOURCE_DIR}"
           "-DBUILD=${PROJECT_BINARY_DIR}" "-DWORK=${CMAKE_CURRENT_BINARY_DIR}/package" "-DGENERATOR=${CMAKE_GENERATOR}"
           "-DTYPE=${CMAKE_BUILD_TYPE}" "-DFLAGS=${CMAKE_CXX_FLAGS}" "-DCC=${CMAKE_C_COMPILER}"
           "-DCXX=${CMAKE_CXX_COMPILER}" "-DNM=${CMAKE_NM}"
           "-DLIBDIR=${CMAKE_INSTALL_LIBDIR}" "-DVERSION=${PROJECT_VERSION}"
           -P "${PROJECT_SOURCE_DIR}/tests/package/run.cmake")
  set_tests_properties(package_${name} PROPERTIES TIMEOUT 600 FIXTURES_REQUIRED volute_installed
    ENVIRONMENT "${VOLUTE_TEST_ENVIRONMENT};VOLUTE_CACHE=${CMAKE_CURRENT_BINARY_DIR}/cache/package_${name}")
endfunction()

foreach(name install symbols find_static find_shared pkg_config_shared pkg_config_static subfolder)
  volute_package_test(${name})
endforeach()
set_tests_properties(package_install PROPERTIES FIXTURES_REQUIRED "" FIXTURES_SETUP volute_installed)
# Compiles the engine once more.
set_tests_properties(package_subfolder PROPERTIES LABELS slow TIMEOUT 1200 FIXTURES_REQUIRED "")
