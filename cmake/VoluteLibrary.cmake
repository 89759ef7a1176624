# The library, compiled once and linked twice: volute_static and volute_shared. volute::volute, what others link, is the
# one BUILD_SHARED_LIBS says. Only what VOLUTE_API and VOLUTE_C_API mark leaves the shared one: symbols are hidden by
# default, and those of static libraries inside it are left out.
file(GLOB_RECURSE VOLUTE_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/engine/*.cpp")
list(FILTER VOLUTE_SOURCES EXCLUDE REGEX "/engine/(interchange|mpi)/")
volute_embed(OUTPUT "${PROJECT_BINARY_DIR}/generated/embedded_shaders.cpp" ROOT "${PROJECT_SOURCE_DIR}/shaders"
             FOLDERS . PATTERNS "*.comp;*.glsl" NAMESPACE volute::vk ARRAY embedded_shaders
             HEADER "engine/vulkan/embedded.hpp")

add_library(volute_objects OBJECT ${VOLUTE_SOURCES} "${PROJECT_BINARY_DIR}/generated/embedded_shaders.cpp")
target_compile_features(volute_objects PRIVATE cxx_std_20)
target_include_directories(volute_objects PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}")
target_include_directories(volute_objects SYSTEM PRIVATE "${VOLUTE_VULKAN_INCLUDE}" "${VOLUTE_GLSLANG_INCLUDE}"
                           "${VOLUTE_XXHASH_INCLUDE}")
target_compile_definitions(volute_objects PRIVATE VOLUTE_BUILDING)
# What is kept of timings is of this version's kernels; the C interface can be asked for its version.
set_source_files_properties(engine/compile/tune.cpp engine/c/guard.cpp PROPERTIES
                            COMPILE_DEFINITIONS VOLUTE_VERSION="${PROJECT_VERSION}")
set_target_properties(volute_objects PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden
                      CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
volute_warnings(volute_objects)
volute_unity(volute_objects)

foreach(kind static shared)
  string(TOUPPER ${kind} type)
  add_library(volute_${kind} ${type} $<TARGET_OBJECTS:volute_objects>)
  add_library(volute::${kind} ALIAS volute_${kind})
  target_compile_features(volute_${kind} INTERFACE cxx_std_20)
  target_include_directories(volute_${kind} INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>")
  target_link_libraries(volute_${kind} PRIVATE volute::glslang Threads::Threads ${CMAKE_DL_LIBS})
  set_target_properties(volute_${kind} PROPERTIES EXPORT_NAME ${kind} OUTPUT_NAME volute LINKER_LANGUAGE CXX)
endforeach()
target_compile_definitions(volute_static INTERFACE $<$<PLATFORM_ID:Windows>:VOLUTE_STATIC>)
set_target_properties(volute_shared PROPERTIES VERSION "${PROJECT_VERSION}"
                      SOVERSION "${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}")
if(WIN32)
  # volute.lib is the import library of volute.dll.
  set_target_properties(volute_static PROPERTIES OUTPUT_NAME volute_static)
elseif(NOT APPLE)
  target_link_options(volute_shared PRIVATE LINKER:--exclude-libs,ALL LINKER:--no-undefined)
endif()

set(VOLUTE_KIND static)
set(VOLUTE_OTHER_KIND shared)
if(BUILD_SHARED_LIBS)
  set(VOLUTE_KIND shared)
  set(VOLUTE_OTHER_KIND static)
endif()
add_library(volute::volute ALIAS volute_${VOLUTE_KIND})
if(NOT VOLUTE_INSTALL)
  set_target_properties(volute_${VOLUTE_OTHER_KIND} PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
