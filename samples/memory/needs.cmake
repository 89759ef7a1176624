# Charts come with the optional component.
if(TARGET volute::interchange)
  set(sample_libraries volute::interchange)
else()
  list(APPEND sample_missing "volute::interchange")
endif()
