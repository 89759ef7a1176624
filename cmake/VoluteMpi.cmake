# The optional component mpi: mpi_world(), over whatever MPI is installed. A static library with no engine of its own,
# as the component interchange is.
# A subfolder of another project does not look for MPI unless it is asked to: what finds it leaves its own names there.
option(VOLUTE_MPI "Build the component for jobs of several ranks (MPI)" ${VOLUTE_TOP_LEVEL})
if(NOT VOLUTE_MPI)
  return()
endif()
find_package(MPI QUIET COMPONENTS CXX)
if(NOT MPI_CXX_FOUND)
  message(STATUS "volute::mpi is left out; missing: MPI (Debian: libopenmpi-dev openmpi-bin)")
  return()
endif()
file(GLOB VOLUTE_MPI_SOURCES CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/engine/mpi/*.cpp")
add_library(volute_mpi_objects OBJECT ${VOLUTE_MPI_SOURCES})
target_compile_features(volute_mpi_objects PRIVATE cxx_std_20)
target_include_directories(volute_mpi_objects PRIVATE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}")
target_link_libraries(volute_mpi_objects PRIVATE MPI::MPI_CXX)
set_target_properties(volute_mpi_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
volute_warnings(volute_mpi_objects)

add_library(volute_mpi STATIC $<TARGET_OBJECTS:volute_mpi_objects>)
add_library(volute::mpi ALIAS volute_mpi)
target_compile_features(volute_mpi INTERFACE cxx_std_20)
# So that a program can be built with it or without.
target_compile_definitions(volute_mpi INTERFACE VOLUTE_HAS_MPI)
# Where it is installed, volute-config.cmake says which kind it goes with.
target_link_libraries(volute_mpi PRIVATE MPI::MPI_CXX INTERFACE $<BUILD_INTERFACE:volute::volute>)
set_target_properties(volute_mpi PROPERTIES EXPORT_NAME mpi LINKER_LANGUAGE CXX)
