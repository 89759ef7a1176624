# A hash tells one text from another. Events and charts come with the optional component.
set(sample_includes "${VOLUTE_XXHASH_INCLUDE}")
if(TARGET volute::interchange)
  set(sample_libraries volute::interchange)
endif()
