# Charts come with the optional component.
if(TARGET volute::interchange)
  set(sample_libraries volute::interchange)
else()
  set(sample_missing "volute::interchange")
endif()
