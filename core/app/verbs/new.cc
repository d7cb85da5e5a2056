#include "core/app/cli/exit_codes.hpp"
#include "core/app/cli/session.hpp"
#include "core/app/verbs/project_templates.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/describe/pipeline_scaffold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace etl::app {
namespace {

namespace fs = std::filesystem;

/// What the templates call the stage and its class.
constexpr std::string_view template_name = "template_stage";
constexpr std::string_view template_class = "TemplateStage";
constexpr std::string_view schema_file = "etl.schema.json";

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t next = text.find(what, at);
    out += text.substr(at, next - at);
    if (next == std::string_view::npos) return out;
    out += by;
    at = next + what.size();
  }
}

/// starting_with -> StartingWith
std::string class_name(std::string_view stage) {
  std::string name;
  bool first = true;
  for (const char c : stage) {
    if (c != '_') name += first ? static_cast<char>(std::toupper(c)) : c;
    first = c == '_';
  }
  return name;
}

/// The name becomes a stage, a class, a CMake target and files.
void require_stage_name(const std::string& name, const runtime::StageRegistry& registry) {
  constexpr std::array reserved = {
      "all",     "clean",  "depend",     "edit_cache",    "etl",          "help", "install",
      "package", "plugin", "preinstall", "rebuild_cache", "sample_words", "test"};
  const bool made_of =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (name.empty() || name.front() < 'a' || !made_of) {
    throw Error::config(fmt::format(
        "\"{}\" cannot be the name of a stage: write a letter a-z, then a-z, 0-9 and _", name));
  }
  if (std::find(reserved.begin(), reserved.end(), name) != reserved.end()) {
    throw Error::config(fmt::format(
        "\"{}\" is a name that CMake or the project itself uses: choose another", name));
  }
  if (const runtime::StageEntry* other = registry.find(name)) {
    throw Error::config(fmt::format("there is a stage \"{}\" already, in {}: choose another name",
                                    name, other->plugin.path.string()));
  }
}

void require_pipeline_name(const std::string& name) {
  const bool made_of = name.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_-.") == std::string::npos;
  if (!name.empty() && name.front() != '.' && name.front() != '-' && made_of) return;
  throw Error::config(fmt::format(
      "\"{}\" cannot be the name of a pipeline's file: write letters, digits, _, - and .", name));
}

void make_folder(const fs::path& folder) {
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    throw Error::permanent("cannot create the folder " + folder.string() + ": " +
                           failure.message());
  }
}

/// Writes a file that does not exist yet; the check and the creation are one step.
void write_new(const fs::path& path, std::string_view text) {
  const auto failed = [&] {
    return Error::permanent("cannot write " + path.string() + ": " + std::strerror(errno));
  };
  std::FILE* file = std::fopen(path.c_str(), "wx");
  if (file == nullptr && errno == EEXIST) {
    throw Error::config(path.string() + " exists; etl new overwrites nothing");
  }
  if (file == nullptr) throw failed();
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) throw failed();
}

void require_new_or_empty(const fs::path& folder) {
  std::error_code failure;
  if (!fs::exists(folder, failure) && !failure) return;
  if (!failure && fs::is_directory(folder, failure) && fs::is_empty(folder, failure) && !failure)
    return;
  throw Error::config(folder.string() +
                      (failure ? ": " + failure.message()
                               : " exists and is no empty folder; etl new overwrites nothing"));
}

/// The line by which editors find the schema of the file; a hint where there is no schema yet, for
/// they complain of one that is not there.
std::string schema_line(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder / schema_file, ignored)) return fmt::format("#:schema ./{}\n", schema_file);
  return fmt::format(
      "# For an editor that knows the options: etl schema > {0}, and as the first line of this\n"
      "# file \"#:schema ./{0}\", without the quotes.\n",
      schema_file);
}

/// The files, and what to do with them.
void report_written(const Session& session, std::vector<std::string> files,
                    const std::string& next) {
  std::sort(files.begin(), files.end());
  if (session.arguments.format == Format::json) return print_json({{"files", files}});
  std::string text;
  for (const std::string& file : files) text += file + "\n";
  print(text + "next: " + next + "\n");
}

}  // namespace

int new_plugin(const Session& session) {
  const Arguments& arguments = session.arguments;
  require_stage_name(arguments.name, session.registry());
  const fs::path folder = arguments.folder.empty() ? fs::path(arguments.name) : arguments.folder;
  require_new_or_empty(folder);
  std::vector<std::string> written;
  for (const ProjectTemplate& one : project_templates()) {
    const std::size_t slash = one.path.find('/');
    const std::string_view set = one.path.substr(0, slash);
    // The sample source is what a filter or sink can be tried with; a source brings its own rows.
    const bool wanted =
        set == arguments.kind || set == "any" || (set == "sample" && arguments.kind != "source");
    if (!wanted) continue;
    const std::string name = replaced(one.path.substr(slash + 1), template_name, arguments.name);
    const std::string text = replaced(replaced(one.text, template_name, arguments.name),
                                      template_class, class_name(arguments.name));
    make_folder((folder / name).parent_path());
    write_new(folder / name, text);
    written.push_back((folder / name).string());
  }
  report_written(session, std::move(written),
                 "cd " + folder.string() +
                     " && cmake -B build && cmake --build build && ctest --test-dir build");
  return exit_ok;
}

int new_pipeline(const Session& session) {
  const Arguments& arguments = session.arguments;
  require_pipeline_name(arguments.name);
  const runtime::StageRegistry registry = session.registry();
  std::vector<const runtime::StageEntry*> stages;
  for (const std::string& name : arguments.stages) {
    stages.push_back(registry.find(name));
    if (stages.back() != nullptr) continue;
    throw Error::config(fmt::format("--stages: there is no stage \"{}\"; {}{}", name,
                                    runtime::did_you_mean(name, registry.names()),
                                    registry.searched()));
  }
  const std::string text =
      schema_line(arguments.folder) + runtime::pipeline_scaffold(arguments.name, stages);
  if (!arguments.folder.empty()) make_folder(arguments.folder);
  const fs::path path = arguments.folder / (arguments.name + ".toml");
  write_new(path, text);
  report_written(session, {path.string()}, "fill in what fits, then etl validate " + path.string());
  return exit_ok;
}

}  // namespace etl::app
