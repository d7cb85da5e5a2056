# etl_add_plugin(NAME SOURCES file... [LIBRARIES target...])
#
# Builds NAME.so so that it exports `etl_plugin_v1` and nothing else, needs nothing of the runner, and
# lands where the runner looks.
set(ETL_PLUGIN_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(etl_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE etl::sdk ${arg_LIBRARIES})
  target_compile_features(${name} PRIVATE cxx_std_20)
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY "${ETL_PLUGIN_OUTPUT_DIRECTORY}"
    LINK_DEPENDS ${ETL_PLUGIN_VERSION_SCRIPT})
  target_link_options(${name} PRIVATE
    -Wl,--version-script=${ETL_PLUGIN_VERSION_SCRIPT} -Wl,--exclude-libs,ALL)
  if(NOT ETL_SANITIZE) # a sanitizer's runtime is in the runner, and left undefined here
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
