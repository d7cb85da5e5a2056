cmake_minimum_required(VERSION 3.23)

# Fails unless every quoted include in FILES names a header directly in one of FOLDERS, by its path from the root of
# the repository. Writes STAMP.
foreach(file IN LISTS FILES)
  file(STRINGS ${file} includes REGEX "^ *# *include \"")
  foreach(line IN LISTS includes)
    string(REGEX REPLACE "^[^\"]*\"([^\"]*)\".*" "\\1" header "${line}")
    get_filename_component(folder "${header}" DIRECTORY)
    if(NOT folder IN_LIST FOLDERS)
      list(JOIN FOLDERS ", " allowed)
      message(FATAL_ERROR "${file} may not include \"${header}\". It may include headers of: ${allowed}")
    endif()
  endforeach()
endforeach()
file(TOUCH ${STAMP})
