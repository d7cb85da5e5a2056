# Installs etl. The tree is relocatable: the runner, the CMake package and etl.pc find everything relative to
# themselves. The component `runner` runs pipelines, the component `sdk` is for writing plugins.
include(CMakePackageConfigHelpers)

# Independent of the umask, because the runner refuses plugins in a folder that others can write.
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(config lib/cmake/etl)
install(TARGETS etl RUNTIME DESTINATION bin COMPONENT runner)
install(DIRECTORY core/sdk/include/etl DESTINATION include COMPONENT sdk)
install(TARGETS etl_sdk etl_testing EXPORT etl-targets INCLUDES DESTINATION include)
install(EXPORT etl-targets NAMESPACE etl:: DESTINATION ${config} COMPONENT sdk)
configure_package_config_file(core/sdk/cmake/etl-config.cmake.in ${PROJECT_BINARY_DIR}/etl-config.cmake
  INSTALL_DESTINATION ${config})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/etl-config-version.cmake
  COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/etl-config.cmake ${PROJECT_BINARY_DIR}/etl-config-version.cmake
              core/sdk/cmake/etl_add_plugin.cmake core/sdk/cmake/plugin.map
              core/sdk/cmake/etl_add_pipeline_test.cmake core/sdk/cmake/run_pipeline.cmake
        DESTINATION ${config} COMPONENT sdk)
configure_file(core/sdk/cmake/etl.pc.in ${PROJECT_BINARY_DIR}/etl.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/etl.pc DESTINATION lib/pkgconfig COMPONENT sdk)

# Man pages and shell completions, generated from the command line of the etl that was built; not with a sanitizer,
# because such a build may not start without settings and is never installed.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(share ${PROJECT_BINARY_DIR}/share)
set(stamp ${PROJECT_BINARY_DIR}/command-docs.stamp)
add_custom_command(
  OUTPUT ${stamp}
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${share}
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/make_command_docs.py
          --binary $<TARGET_FILE:etl> --out ${share}
  COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
  DEPENDS etl ${PROJECT_SOURCE_DIR}/tools/make_command_docs.py
  VERBATIM)
if(NOT ETL_SANITIZE)
  add_custom_target(command_docs ALL DEPENDS ${stamp})
  install(DIRECTORY ${share}/ DESTINATION share COMPONENT runner)
endif()

# The README of the repository begins with building etl.
install(FILES core/sdk/cmake/README.installed.md DESTINATION share/doc/etl COMPONENT runner RENAME README.md)
install(DIRECTORY docs DESTINATION share/doc/etl COMPONENT runner PATTERN CMakeLists.txt EXCLUDE)
install(DIRECTORY pipelines DESTINATION share/doc/etl COMPONENT runner)
