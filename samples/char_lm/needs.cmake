# A hash tells one text from another. Events and charts come with one optional component, ranks with the other.
set(sample_includes "${VOLUTE_XXHASH_INCLUDE}")
if(TARGET volute::interchange)
  list(APPEND sample_libraries volute::interchange)
endif()
if(TARGET volute::mpi)
  list(APPEND sample_libraries volute::mpi)
endif()
