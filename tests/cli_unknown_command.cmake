# An unknown command is one line on stderr that names it, nothing on stdout, and exit status 2.
execute_process(COMMAND "${PROGRAM}" frobnicate RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE err)
if(NOT status EQUAL 2 OR NOT out STREQUAL "" OR NOT err MATCHES "^volute: [^\n]*frobnicate[^\n]*\n$")
  message(FATAL_ERROR "exit ${status}\nstdout: ${out}\nstderr: ${err}")
endif()
