# Runs the test of etl_add_pipeline_test(). Takes RUNNER, PLUGINS, FILES (the pipeline first) and FOLDER.
set(plugin_folder ${FOLDER}/runner/lib/etl/plugins)
file(REMOVE_RECURSE ${FOLDER})
file(COPY ${FILES} DESTINATION ${FOLDER})
file(COPY ${RUNNER} DESTINATION ${FOLDER}/runner/bin)
file(MAKE_DIRECTORY ${plugin_folder})
# Independent of the umask, because the runner refuses a folder that others can write.
file(CHMOD ${plugin_folder} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)

get_filename_component(installed ${RUNNER}/../../lib/etl/plugins ABSOLUTE)
file(GLOB installed ${installed}/*.so)
foreach(plugin IN LISTS installed PLUGINS) # built plugins come last, to replace installed ones
  get_filename_component(file ${plugin} NAME)
  file(REMOVE ${plugin_folder}/${file})
  file(CREATE_LINK ${plugin} ${plugin_folder}/${file} SYMBOLIC)
endforeach()

get_filename_component(runner ${RUNNER} NAME)
list(GET FILES 0 pipeline)
get_filename_component(pipeline ${pipeline} NAME)
foreach(verb IN ITEMS test run) # the [[tests]] first
  execute_process(COMMAND ${FOLDER}/runner/bin/${runner} ${verb} ${pipeline}
                  WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "etl ${verb} ${FOLDER}/${pipeline} ended with ${result}")
  endif()
endforeach()
