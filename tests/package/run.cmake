# Runs one of the package's tests: -DSTEP=NAME and what tests.cmake passes. Nothing is downloaded.
cmake_minimum_required(VERSION 3.21)
set(prefix "${WORK}/moved")
set(folder "${WORK}/${STEP}")
file(REMOVE_RECURSE "${folder}")
file(MAKE_DIRECTORY "${folder}")

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nexit ${status}\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

# Whether the program trains, and the validation layer has nothing to say about how.
function(run_consumer program)
  run("${program}" "${folder}/model.safetensors")
  if(NOT out MATCHES "^trained, saved and loaded on [^\n]*\n$" OR out MATCHES "[Vv]alidation")
    message(FATAL_ERROR "${program} printed:\n${out}")
  endif()
endfunction()

function(build_consumer)
  run("${CMAKE_COMMAND}" -S "${SOURCE}/tests/package" -B "${folder}/build" -G "${GENERATOR}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
      "-DCMAKE_C_COMPILER=${CC}" "-DCMAKE_CXX_COMPILER=${CXX}" ${ARGN})
  run("${CMAKE_COMMAND}" --build "${folder}/build" --target consumer)
  run_consumer("${folder}/build/consumer")
endfunction()

# A compiler line, as a Makefile has it; `options` go to pkg-config.
function(compile_with_pkg_config from options)
  set(ENV{PKG_CONFIG_PATH} "${from}/${LIBDIR}/pkgconfig")
  set(ENV{LD_LIBRARY_PATH} "${from}/${LIBDIR}")
  run(pkg-config --modversion volute)
  if(NOT out STREQUAL "${VERSION}\n")
    message(FATAL_ERROR "volute.pc has version ${out}")
  endif()
  run(sh -c "'${CXX}' ${FLAGS} -std=c++20 '${SOURCE}/tests/package/consumer.cpp' -o '${folder}/consumer' \
             $(pkg-config ${options} --cflags --libs volute)")
  run_consumer("${folder}/consumer")
endfunction()

include("${CMAKE_CURRENT_LIST_DIR}/${STEP}.cmake" OPTIONAL RESULT_VARIABLE found)
if(STEP MATCHES "^find_(static|shared)$")
  build_consumer("-DCMAKE_BUILD_TYPE=${TYPE}" "-DCMAKE_PREFIX_PATH=${prefix}" "-DVOLUTE_COMPONENT=${CMAKE_MATCH_1}")
elseif(STEP STREQUAL "pkg_config_shared")
  compile_with_pkg_config("${prefix}" "")
elseif(STEP STREQUAL "pkg_config_static")
  # A linker that finds both takes the shared library.
  file(COPY "${prefix}/${LIBDIR}" "${prefix}/include" DESTINATION "${folder}/prefix")
  file(GLOB shared "${folder}/prefix/${LIBDIR}/libvolute.so*")
  file(REMOVE ${shared})
  compile_with_pkg_config("${folder}/prefix" --static)
elseif(STEP STREQUAL "subfolder")
  # Without optimisation: it is whether it builds and runs that is asked.
  build_consumer("-DVOLUTE_SOURCE=${SOURCE}" -DCMAKE_BUILD_TYPE=)
elseif(NOT found)
  message(FATAL_ERROR "no step ${STEP}")
endif()
