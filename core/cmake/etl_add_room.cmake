# etl_add_room(ROOM SOURCES file... [ROOMS room...] [PUBLIC target...] [PRIVATE target...])
#
# Makes a static library of one folder of core, for example `runtime/base`: target etl_runtime_base. Its files may
# include headers of their own folder and of ROOMS, and of no other room of core: anything else fails the build.
# ROOMS have to be declared before, so the rooms of core cannot form a cycle.
set(ETL_CHECK_ROOM ${CMAKE_CURRENT_LIST_DIR}/check_room.cmake)

function(etl_add_room room)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ROOMS;PUBLIC;PRIVATE")
  string(REPLACE "/" "_" name etl_${room})
  add_library(${name} STATIC ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC etl::sdk ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  foreach(below IN LISTS arg_ROOMS)
    string(REPLACE "/" "_" target etl_${below})
    if(NOT TARGET ${target})
      message(FATAL_ERROR "core/${room} uses core/${below}, which is not declared before it")
    endif()
    target_link_libraries(${name} PUBLIC ${target})
  endforeach()
  etl_check_includes(${name} core/${room} ${arg_ROOMS})
endfunction()

# Fails the build of `target` when a file in `folder` includes a header of a room of core that is not listed.
function(etl_check_includes target folder)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
  set(checked ${CMAKE_CURRENT_BINARY_DIR}/${target}.includes)
  add_custom_command(
    OUTPUT ${checked}
    COMMAND ${CMAKE_COMMAND} "-DFOLDER=${folder}" "-DFILES=${files}" "-DROOMS=${ARGN}" "-DSTAMP=${checked}"
            -P ${ETL_CHECK_ROOM}
    DEPENDS ${files} ${ETL_CHECK_ROOM}
    VERBATIM)
  add_custom_target(${target}_includes DEPENDS ${checked})
  add_dependencies(${target} ${target}_includes)
endfunction()
