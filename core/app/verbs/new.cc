#include "core/app/cli/verb.hpp"
#include "core/app/verbs/project_templates.hpp"
#include "core/runtime/base/suggest.hpp"
#include "core/runtime/base/text.hpp"
#include "core/runtime/describe/pipeline_scaffold.hpp"

#include <etl/detail/split.hpp>

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

/// The names of the stage and its class in the templates.
constexpr std::string_view template_name = "template_stage";
constexpr std::string_view template_class = "TemplateStage";
constexpr std::string_view schema_file = "etl.schema.json";

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

/// Throws unless the name can be that of a stage, a class, a CMake target and files.
void require_stage_name(const std::string& name, const runtime::StageRegistry& registry) {
  constexpr std::array reserved = {
      "all",     "clean",  "depend",     "edit_cache",    "etl",          "help", "install",
      "package", "plugin", "preinstall", "rebuild_cache", "sample_words", "test"};
  const bool made_of =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  if (name.empty() || name.front() < 'a' || !made_of) {
    throw Error::config(fmt::format(
        "\"{}\" is not a valid stage name: start with a-z, then use a-z, 0-9 and _", name));
  }
  if (std::ranges::find(reserved, name) != reserved.end()) {
    throw Error::config(
        fmt::format("\"{}\" is used by CMake or the project itself: choose another name", name));
  }
  if (const runtime::StageEntry* other = registry.find(name)) {
    throw Error::config(fmt::format("there already is a stage \"{}\", in {}: choose another name",
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

/// Writes a file that must not exist; the check and the creation are one step.
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
                               : " exists and is not an empty folder; etl new overwrites nothing"));
}

/// The line by which editors find the schema of the file, or a hint where there is no schema yet:
/// editors report a schema that does not exist.
std::string schema_line(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder / schema_file, ignored)) return fmt::format("#:schema ./{}\n", schema_file);
  return fmt::format(
      "# For an editor that completes options: run etl schema > {0} and make the first line\n"
      "# of this file \"#:schema ./{0}\", without the quotes.\n",
      schema_file);
}

/// Prints the files and the next step.
void report_written(const Session& session, std::vector<std::string> files,
                    const std::string& next) {
  std::ranges::sort(files);
  if (session.json()) return print_json({{"files", files}});
  std::string text;
  for (const std::string& file : files) text += file + "\n";
  print(text + "next: " + next + "\n");
}

class NewPlugin : public Verb {
 public:
  NewPlugin()
      : Verb("new plugin", "Write a plugin that builds, with a test and a pipeline that uses it") {}

  void declare(Options& options) override {
    common.declare_format(options);
    options.value("NAME", name_, "The stage's name: a-z, 0-9 and _").required = true;
    options.word("--kind", kind_, {"source", "filter", "sink"}, "Kind of the stage").required =
        true;
    options.value("--dir", folder_, "Folder of the project, new or empty; default: ./NAME").type =
        "DIR";
  }

  int run(const Session& session) override {
    require_stage_name(name_, session.registry());
    const fs::path folder = folder_.empty() ? fs::path(name_) : folder_;
    require_new_or_empty(folder);
    std::vector<std::string> written;
    for (const ProjectTemplate& one : project_templates()) {
      const std::size_t slash = one.path.find('/');
      if (!wanted(one.path.substr(0, slash))) continue;
      const std::string name = with_own_names(one.path.substr(slash + 1));
      make_folder((folder / name).parent_path());
      write_new(folder / name, with_own_names(one.text));
      written.push_back((folder / name).string());
    }
    report_written(session, std::move(written),
                   "cd " + folder.string() +
                       " && cmake -B build && cmake --build build && ctest --test-dir build");
    return exit_ok;
  }

 private:
  /// A filter or sink comes with the sample source, to try it with; a source brings its own rows.
  [[nodiscard]] bool wanted(std::string_view set) const {
    return set == kind_ || set == "any" || (set == "sample" && kind_ != "source");
  }

  [[nodiscard]] std::string with_own_names(std::string_view text) const {
    return runtime::replaced(runtime::replaced(std::string(text), template_name, name_),
                             template_class, class_name(name_));
  }

  std::string name_, kind_;
  fs::path folder_;
};

class NewPipeline : public Verb {
 public:
  NewPipeline()
      : Verb("new pipeline", "Write a pipeline file that explains every option of some stages") {}

  void declare(Options& options) override {
    common.declare_format(options);
    options.value("NAME", name_, "The pipeline's name; the file is NAME.toml").required = true;
    Option& stages =
        options.value("--stages", stages_, "Names of installed stages, separated by commas");
    stages.type = "STAGE";
    stages.required = true;
    options.value("--dir", folder_, "Folder of the file; default: the current folder").type = "DIR";
  }

  int run(const Session& session) override {
    require_pipeline_name(name_);
    const runtime::StageRegistry registry = session.registry();
    const auto stages = find_stages(registry);
    const std::string text = schema_line(folder_) + runtime::pipeline_scaffold(name_, stages);
    if (!folder_.empty()) make_folder(folder_);
    const fs::path path = folder_ / (name_ + ".toml");
    write_new(path, text);
    report_written(session, {path.string()},
                   "fill in the values, then etl validate " + path.string());
    return exit_ok;
  }

 private:
  [[nodiscard]] std::vector<const runtime::StageEntry*> find_stages(
      const runtime::StageRegistry& registry) const {
    std::vector<const runtime::StageEntry*> stages;
    for (const std::string& list : stages_) {
      for (const std::string_view name : detail::split(list, ',')) {
        stages.push_back(registry.find(name));
        if (stages.back() != nullptr) continue;
        throw Error::config(fmt::format("--stages: there is no stage \"{}\"; {}{}", name,
                                        runtime::did_you_mean(name, registry.names()),
                                        registry.searched()));
      }
    }
    return stages;
  }

  std::string name_;
  std::vector<std::string> stages_;
  fs::path folder_;
};

}  // namespace

std::unique_ptr<Verb> new_plugin_verb() { return std::make_unique<NewPlugin>(); }
std::unique_ptr<Verb> new_pipeline_verb() { return std::make_unique<NewPipeline>(); }

}  // namespace etl::app
