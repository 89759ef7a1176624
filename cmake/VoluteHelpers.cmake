# Functions shared by the library, samples and tests.

# Warnings strict enough to catch real mistakes, without the noise of -Wconversion in index arithmetic.
function(volute_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /permissive- /utf-8 $<$<BOOL:${VOLUTE_WERROR}>:/WX>)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                           -Wno-missing-field-initializers $<$<BOOL:${VOLUTE_WERROR}>:-Werror>)
    # GCC 12 sees overlap in every `"text" + std::string` it inlines: gcc.gnu.org/PR105651.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      target_compile_options(${target} PRIVATE -Wno-restrict)
    endif()
  endif()
endfunction()

# Has the compiler read what sources include once for eight of a folder: their names must not clash.
function(volute_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${VOLUTE_UNITY} UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  set(last "")
  foreach(source IN LISTS sources)
    get_filename_component(folder "${source}" DIRECTORY)
    if(NOT folder STREQUAL last)
      set(last "${folder}")
      set(place 0)
    endif()
    get_filename_component(name "${folder}" NAME)
    math(EXPR batch "${place} / 8")
    math(EXPR place "${place} + 1")
    set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${name}_${batch}")
  endforeach()
endfunction()

# An executable on the public headers only.
function(volute_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE volute::volute)
  if(TARGET CLI11::CLI11)
    target_link_libraries(${target} PRIVATE CLI11::CLI11)
  endif()
  volute_warnings(${target})
endfunction()

# Generates a C++ file with the texts of files below ROOT, sorted by path.
# volute_embed(OUTPUT file ROOT dir FOLDERS dirs... PATTERNS globs... NAMESPACE ns ARRAY name HEADER include)
function(volute_embed)
  cmake_parse_arguments(ARG "" "OUTPUT;ROOT;NAMESPACE;ARRAY;HEADER" "FOLDERS;PATTERNS" ${ARGN})
  set(globs "")
  foreach(folder IN LISTS ARG_FOLDERS)
    foreach(pattern IN LISTS ARG_PATTERNS)
      list(APPEND globs "${ARG_ROOT}/${folder}/${pattern}")
    endforeach()
  endforeach()
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE "${ARG_ROOT}" ${globs})
  list(SORT files)
  # The list goes through a file: it is too long for a command line, and its change must rebuild the output.
  set(list_file "${ARG_OUTPUT}.list")
  string(REPLACE ";" "\n" lines "${files}")
  file(CONFIGURE OUTPUT "${list_file}" CONTENT "@lines@" @ONLY)
  list(TRANSFORM files PREPEND "${ARG_ROOT}/")
  set(script "${PROJECT_SOURCE_DIR}/cmake/embed.cmake")
  add_custom_command(
    OUTPUT "${ARG_OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" "-DROOT=${ARG_ROOT}" "-DLIST=${list_file}" "-DOUTPUT=${ARG_OUTPUT}"
            "-DNAMESPACE=${ARG_NAMESPACE}" "-DARRAY=${ARG_ARRAY}" "-DHEADER=${ARG_HEADER}" -P "${script}"
    DEPENDS ${files} "${list_file}" "${script}"
    COMMENT "Embedding ${ARG_ARRAY}" VERBATIM)
endfunction()

# SPIR-V of a program's own shaders as headers: volute_spirv(TARGET file.vert file.frag ...) makes "file_vert.h" with
# `const uint32_t file_vert[]`, to be included by the target.
function(volute_spirv target)
  find_program(VOLUTE_GLSLANG_VALIDATOR NAMES glslangValidator glslang REQUIRED)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${target}_shaders")
  file(MAKE_DIRECTORY "${folder}")
  foreach(source IN LISTS ARGN)
    get_filename_component(name "${source}" NAME)
    string(REPLACE "." "_" name "${name}")
    add_custom_command(OUTPUT "${folder}/${name}.h"
      COMMAND "${VOLUTE_GLSLANG_VALIDATOR}" --quiet -V --target-env vulkan1.2 --vn ${name} -o "${folder}/${name}.h" "${source}"
      DEPENDS "${source}" COMMENT "Compiling ${name}" VERBATIM)
    target_sources(${target} PRIVATE "${folder}/${name}.h")
  endforeach()
  target_include_directories(${target} PRIVATE "${folder}")
endfunction()
