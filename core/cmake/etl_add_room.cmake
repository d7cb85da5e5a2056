# etl_add_room(ROOM [SOURCES file...] [ROOMS room...] [PUBLIC target...] [PRIVATE target...])
#
# Builds a static library from all *.cc of one folder, and from SOURCES, which are generated. ROOM names the folder
# below core/, for example `runtime/base`, or a folder of plugins, for example `plugins/common/http`; the targets are
# etl_runtime_base and etl_plugins_common_http. ROOMS are the rooms it uses: see etl_use_rooms.
function(etl_add_room room)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ROOMS;PUBLIC;PRIVATE")
  string(REPLACE "/" "_" name etl_${room})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  add_library(${name} STATIC ${sources} ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC etl::sdk ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  etl_use_rooms(${name} ${room} ${arg_ROOMS})
endfunction()

# etl_use_rooms(TARGET ROOM room...)
#
# Links the listed rooms into TARGET, which is built from the folder of ROOM, and fails the build when a file of that
# folder includes a header of any other folder. Rooms must be declared before they are used, so no cycle can form.
function(etl_use_rooms target room)
  foreach(below IN LISTS ARGN)
    string(REPLACE "/" "_" library etl_${below})
    if(NOT TARGET ${library})
      message(FATAL_ERROR "${room} uses ${below}, which is not declared before it")
    endif()
    target_link_libraries(${target} PUBLIC ${library})
  endforeach()
  set(folders ${room} ${ARGN})
  list(TRANSFORM folders PREPEND core/)
  list(TRANSFORM folders REPLACE "^core/plugins/" plugins/)
  list(GET folders 0 folder)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check_room.cmake)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cc ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
  set(checked ${CMAKE_CURRENT_BINARY_DIR}/${target}.includes)
  add_custom_command(
    OUTPUT ${checked}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" "-DFOLDERS=${folders}" "-DSTAMP=${checked}" -P ${script}
    DEPENDS ${files} ${script}
    VERBATIM)
  add_custom_target(${target}_includes DEPENDS ${checked})
  add_dependencies(${target} ${target}_includes)
endfunction()
