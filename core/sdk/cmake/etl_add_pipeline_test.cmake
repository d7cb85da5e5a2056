# etl_add_pipeline_test(NAME FILE pipeline.toml PLUGINS target... [DATA file|folder...])
#
# Adds a test that runs the [[tests]] of a pipeline and then the pipeline itself, with plugins of this build, in the
# folder pipelines/NAME of the build tree, which holds only copies of FILE and DATA. The runner is a copy of etl::etl
# that sees the plugins installed beside it, except that PLUGINS replace installed ones with the same file name. So
# the test uses what was built, even if an earlier build is installed.
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
