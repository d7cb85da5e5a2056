# `cpack --config build/release/CPackConfig.cmake` builds two Debian packages: etl for running pipelines, etl-dev for
# writing plugins.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME etl)
set(CPACK_PACKAGE_VENDOR "etl")
set(CPACK_PACKAGE_CONTACT "The maintainers of etl")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runner sdk)
set(CPACK_DEB_COMPONENT_INSTALL ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNNER_PACKAGE_NAME etl)
set(CPACK_DEBIAN_RUNNER_PACKAGE_SECTION database)
set(CPACK_DEBIAN_RUNNER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNNER_PACKAGE_RECOMMENDS "ca-certificates")
set(CPACK_COMPONENT_RUNNER_DESCRIPTION "runs data pipelines: sources, filters and sinks, each a plugin
A pipeline is a TOML file. Every partition of it is loaded whole, and once:
its rows and the ledger commit in one transaction of the target database.
With plugins for Wikimedia's page views, SQLite and PostgreSQL.")

set(CPACK_DEBIAN_SDK_PACKAGE_NAME etl-dev)
set(CPACK_DEBIAN_SDK_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_SDK_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_SDK_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_SDK_PACKAGE_DEPENDS "etl (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
set(CPACK_DEBIAN_SDK_PACKAGE_RECOMMENDS "g++ | c++-compiler")
set(CPACK_DEBIAN_SDK_PACKAGE_SUGGESTS "cmake (>= 3.23), pkg-config, libgtest-dev")
set(CPACK_COMPONENT_SDK_DESCRIPTION "headers and CMake package for writing plugins of etl
A plugin is a shared library of one or more stages; a stage is a plain C++
class. Plugins in C and other languages use the same C header.")

include(CPack)
