# cmake -DFOLDER=... -DFILES=a;b -DOUT=FILE -P embed_templates.cmake
#
# Writes a C++ file with the text of every template, for project_templates.hpp.
set(code "// Made from core/app/templates.\n#include \"core/app/verbs/project_templates.hpp\"\n\n")
string(APPEND code "namespace etl::app {\nnamespace {\n\nconstexpr ProjectTemplate all[] = {\n")
foreach(path IN LISTS FILES)
  file(READ ${FOLDER}/${path} text)
  string(APPEND code "    {\"${path}\", R\"template(${text})template\"},\n")
endforeach()
string(APPEND code "};\n\n}  // namespace\n\n")
string(APPEND code "std::span<const ProjectTemplate> project_templates() { return all; }\n\n")
string(APPEND code "}  // namespace etl::app\n")
file(WRITE ${OUT} "${code}")
