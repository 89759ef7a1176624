# The optional component interchange: files and logs of other projects, with libraries the core does not need.
# A static library with no engine of its own, so that it goes with volute::static and volute::shared alike: of the
# engine it uses what libvolute.so exports, and plain structs.
option(VOLUTE_INTERCHANGE "Build the component for files of other projects (ONNX, TensorBoard events, charts, .npz)" ON)
if(NOT VOLUTE_INTERCHANGE)
  return()
endif()
include(VoluteInterchangeLibraries)
find_program(VOLUTE_PROTOC protoc)
mark_as_advanced(VOLUTE_PROTOC)
if(NOT VOLUTE_PROTOC)
  list(APPEND VOLUTE_INTERCHANGE_MISSING "protoc (Debian: protobuf-compiler)")
endif()
if(VOLUTE_INTERCHANGE_MISSING)
  list(JOIN VOLUTE_INTERCHANGE_MISSING ", " missing)
  message(STATUS "volute::interchange is left out; missing: ${missing}")
  return()
endif()
file(GLOB_RECURSE VOLUTE_INTERCHANGE_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/engine/interchange/*.cpp")
# The messages of event files.
set(VOLUTE_PROTO_FOLDER "${PROJECT_BINARY_DIR}/generated/proto")
file(MAKE_DIRECTORY "${VOLUTE_PROTO_FOLDER}")
add_custom_command(
  OUTPUT "${VOLUTE_PROTO_FOLDER}/events.pb.cc" "${VOLUTE_PROTO_FOLDER}/events.pb.h"
  COMMAND "${VOLUTE_PROTOC}" "--cpp_out=${VOLUTE_PROTO_FOLDER}" "--proto_path=${PROJECT_SOURCE_DIR}/engine/interchange"
          events.proto
  DEPENDS "${PROJECT_SOURCE_DIR}/engine/interchange/events.proto" COMMENT "Generating events.pb.cc" VERBATIM)
add_library(volute_interchange_objects OBJECT ${VOLUTE_INTERCHANGE_SOURCES} "${VOLUTE_PROTO_FOLDER}/events.pb.cc"
            "${VOLUTE_PROTO_FOLDER}/events.pb.h")
target_compile_features(volute_interchange_objects PRIVATE cxx_std_20)
target_include_directories(volute_interchange_objects PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}")
target_include_directories(volute_interchange_objects SYSTEM PRIVATE "${VOLUTE_PROTO_FOLDER}")
target_link_libraries(volute_interchange_objects PRIVATE volute::interchange_libraries)
set_target_properties(volute_interchange_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
volute_warnings(volute_interchange_objects)
volute_unity(volute_interchange_objects)
set_source_files_properties("${VOLUTE_PROTO_FOLDER}/events.pb.cc" PROPERTIES COMPILE_OPTIONS "-w")

add_library(volute_interchange STATIC $<TARGET_OBJECTS:volute_interchange_objects>)
add_library(volute::interchange ALIAS volute_interchange)
target_compile_features(volute_interchange INTERFACE cxx_std_20)
# So that a program can be built with it or without.
target_compile_definitions(volute_interchange INTERFACE VOLUTE_HAS_INTERCHANGE)
# Where it is installed, volute-config.cmake says which kind it goes with.
target_link_libraries(volute_interchange PRIVATE volute::interchange_libraries
                      INTERFACE $<BUILD_INTERFACE:volute::volute>)
set_target_properties(volute_interchange PROPERTIES EXPORT_NAME interchange LINKER_LANGUAGE CXX)
