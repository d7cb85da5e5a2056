# etl_add_plugin(NAME SOURCES file... [LIBRARIES target...] [NO_INSTALL])
#
# Builds NAME.so, which exports only `etl_plugin_v1`, links nothing of the runner, and is installed where the runner
# looks. It is built in plugins/ of the build tree, or in ETL_PLUGIN_OUTPUT_DIRECTORY. Used by etl itself and, through
# find_package(etl), by other projects.
set(ETL_PLUGIN_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(etl_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_INSTALL" "" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "etl_add_plugin(NAME SOURCES file... [LIBRARIES target...] [NO_INSTALL])")
  endif()
  set(folder ${CMAKE_BINARY_DIR}/plugins)
  if(ETL_PLUGIN_OUTPUT_DIRECTORY)
    set(folder ${ETL_PLUGIN_OUTPUT_DIRECTORY})
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE etl::sdk ${arg_LIBRARIES})
  target_compile_features(${name} PRIVATE cxx_std_20)
  set_target_properties(${name} PROPERTIES
    PREFIX ""
    C_VISIBILITY_PRESET hidden
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY "${folder}"
    LINK_DEPENDS ${ETL_PLUGIN_VERSION_SCRIPT})
  target_link_options(${name} PRIVATE
    -Wl,--version-script=${ETL_PLUGIN_VERSION_SCRIPT} -Wl,--exclude-libs,ALL)
  if(NOT ETL_SANITIZE) # the runner provides a sanitizer's runtime
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  # Independent of the umask, because the runner refuses files that others can write.
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND chmod go-w $<TARGET_FILE:${name}> $<TARGET_FILE_DIR:${name}> VERBATIM)
  if(NOT arg_NO_INSTALL)
    # Not LIBDIR, because the runner looks in ../lib/etl/plugins relative to its folder.
    install(TARGETS ${name} LIBRARY DESTINATION lib/etl/plugins COMPONENT runner)
  endif()
endfunction()
