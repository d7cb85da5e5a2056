# etl_add_pipeline_test(NAME FILE pipeline.toml PLUGINS target... [DATA file|folder...])
#
# A test that runs a pipeline, after the [[tests]] in it, with plugins of this build, in a folder of its own (pipelines/NAME of the build
# folder) that is empty but for copies of FILE and DATA. The runner is a copy of etl::etl, which sees the
# plugins installed beside etl::etl, but those of PLUGINS instead of installed ones of the same file name: so
# the test tests what was built, also where an earlier build of it is installed.
set(ETL_RUN_PIPELINE ${CMAKE_CURRENT_LIST_DIR}/run_pipeline.cmake)

function(etl_add_pipeline_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILE" "PLUGINS;DATA")
  if(NOT arg_FILE OR NOT arg_PLUGINS OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR
      "etl_add_pipeline_test(NAME FILE pipeline.toml PLUGINS target... [DATA file|folder...])")
  endif()
  if(NOT TARGET etl::etl)
    message(FATAL_ERROR "etl_add_pipeline_test: there is no runner bin/etl in ${etl_PREFIX}")
  endif()
  set(files)
  foreach(file IN LISTS arg_FILE arg_DATA)
    get_filename_component(file ${file} ABSOLUTE)
    list(APPEND files ${file})
  endforeach()
  list(TRANSFORM arg_PLUGINS REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE plugins)
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -DRUNNER=$<TARGET_FILE:etl::etl>
    "-DPLUGINS=${plugins}" "-DFILES=${files}" -DFOLDER=${CMAKE_CURRENT_BINARY_DIR}/pipelines/${name}
    -P ${ETL_RUN_PIPELINE})
endfunction()
