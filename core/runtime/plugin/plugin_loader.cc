#include "core/runtime/plugin/plugin_loader.hpp"

#include "core/runtime/base/environment.hpp"
#include "core/runtime/base/mutex.hpp"
#include "core/runtime/base/ownership.hpp"
#include "core/runtime/base/utf8.hpp"
#include "core/runtime/plugin/older_tables.hpp"

#include <etl/detail/caller.hpp>
#include <etl/detail/split.hpp>
#include <etl/error.hpp>

#include <boost/dll/shared_library.hpp>
#include <elf.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string_view>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;

Error refused(const fs::path& path, const std::string& why) {
  return Error::config(path.string() + ": " + why);
}

/// The table contradicts its header.
Error damaged(const fs::path& path, const std::string& why) {
  return refused(
      path, "damaged plugin header: " + why + "; rebuild the plugin with the headers of this etl");
}

std::string too_small(std::size_t found, std::size_t least) {
  return std::to_string(found) + " bytes where ABI 1.0 has " + std::to_string(least);
}

std::string machine_name(unsigned machine) {
  constexpr std::array<std::pair<unsigned, const char*>, 5> names{{{EM_386, "i386"},
                                                                   {EM_X86_64, "x86-64"},
                                                                   {EM_ARM, "arm"},
                                                                   {EM_AARCH64, "aarch64"},
                                                                   {EM_RISCV, "riscv"}}};
  for (const auto& [number, name] : names) {
    if (number == machine) return name;
  }
  return "ELF machine " + std::to_string(machine);
}

/// The start of an ELF file, which names the machine that it was built for.
struct ElfHead {
  static constexpr std::size_t machine_at = EI_NIDENT + 2;  // behind e_ident and e_type
  std::array<unsigned char, machine_at + 2> bytes{};
  bool elf = false;

  explicit ElfHead(const fs::path& path) {
    std::error_code unreadable;                 // opening the file reports it
    if (fs::is_fifo(path, unreadable)) return;  // opening one would wait for a writer
    std::ifstream file(path, std::ios::binary);
    if (!file) throw refused(path, std::string("cannot be read: ") + std::strerror(errno));
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    elf = file.gcount() == static_cast<std::streamsize>(bytes.size()) &&
          std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0;
  }
  [[nodiscard]] std::string machine() const {
    const unsigned low = bytes[machine_at];
    const unsigned high = bytes[machine_at + 1];
    const bool little = bytes[EI_DATA] == ELFDATA2LSB;
    return machine_name(little ? low | high << 8U : high | low << 8U) +
           (bytes[EI_CLASS] == ELFCLASS64 ? ", 64 bits" : ", 32 bits");
  }
};

/// Checked before dlopen, which would report "file too short" or, for a library of another machine,
/// "No such file or directory".
void require_library_of_this_machine(const fs::path& path) {
  const ElfHead library(path);
  if (!library.elf)
    throw refused(path,
                  "not a shared library (no ELF header); build it with -shared, or "
                  "remove it from the plugin folder");
  const ElfHead self(executable_path());
  if (library.machine() != self.machine()) {
    throw refused(path, "built for another machine (" + library.machine() + "; this one is " +
                            self.machine() + "): rebuild the plugin here");
  }
}

/// dlerror's text without Boost's frame and the repeated path, followed by a remedy.
std::string dlopen_reason(const fs::path& path, std::string text) {
  constexpr std::string_view frame = "(dlerror system message: ";
  if (const auto at = text.find(frame); at != std::string::npos) {
    text.erase(0, at + frame.size());
    text.erase(text.rfind(')'));
  }
  const std::string repeated = path.string() + ": ";
  if (const auto at = text.find(repeated); at != std::string::npos) text.erase(at, repeated.size());
  struct statvfs mounted {};
  if (::statvfs(path.c_str(), &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0) {
    text += "; its file system is mounted noexec: copy it to one that is not, or mount it exec";
  } else if (text.find("GLIBCXX_") != std::string::npos ||
             text.find("CXXABI_") != std::string::npos) {
    text += "; it was built with a newer g++ than this machine's libstdc++: rebuild it here";
  } else if (text.find("undefined symbol") != std::string::npos) {
    text +=
        "; link the plugin with the library that defines it; -Wl,-z,defs reports this at build "
        "time";
  } else if (text.find("cannot open shared object file") != std::string::npos) {
    text += "; install that library, or rebuild the plugin without it";
  } else {
    text += "; the file is damaged: build or install it again";
  }
  return text;
}

/// Loaded libraries. Leaked on purpose, so that the order of destructors does not matter.
struct Libraries {
  Mutex mutex;
  std::map<fs::path, std::unique_ptr<boost::dll::shared_library>> by_path ETL_GUARDED_BY(mutex);
  /// Of libraries that passed every check.
  std::map<fs::path, std::unique_ptr<WholePlugin>> tables ETL_GUARDED_BY(mutex);
};
Libraries& libraries() {
  static auto* loaded = new Libraries;
  return *loaded;
}

const boost::dll::shared_library& open_library(const fs::path& path) {
  Libraries& loaded = libraries();
  const MutexLock lock(loaded.mutex);
  auto& library = loaded.by_path[path];
  if (library == nullptr) {
    try {
      // The throwing overload keeps dlerror's text. rtld_now: a missing symbol is an error here,
      // not a crash at its first call.
      library = std::make_unique<boost::dll::shared_library>(
          path.string(), boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    } catch (const std::exception& error) {
      loaded.by_path.erase(path);
      throw refused(path, "cannot be loaded: " + dlopen_reason(path, error.what()));
    }
  }
  return *library;
}

/// The checked table, extended to this host's size; always the same for one library.
const etl_plugin& whole_table(const fs::path& path, const etl_plugin& plugin) {
  Libraries& loaded = libraries();
  const MutexLock lock(loaded.mutex);
  auto& table = loaded.tables[path];
  if (table == nullptr) table = std::make_unique<WholePlugin>(plugin);
  return table->plugin();
}

std::string version(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

void check_header(const fs::path& path, const etl_plugin& plugin) {
  if (std::memcmp(plugin.magic, ETL_PLUGIN_MAGIC, sizeof(plugin.magic)) != 0) {
    throw damaged(path, ETL_PLUGIN_SYMBOL " does not start with \"" ETL_PLUGIN_MAGIC "\"");
  }
  const std::string own = version(ETL_ABI_MAJOR, ETL_ABI_MINOR);
  if (plugin.abi_major != ETL_ABI_MAJOR) {
    throw refused(path, "built for plugin ABI " + version(plugin.abi_major, plugin.abi_minor) +
                            ", this etl speaks ABI " + own + ": " +
                            (plugin.abi_major > ETL_ABI_MAJOR ? "upgrade etl or " : "") +
                            "rebuild the plugin against this etl");
  }
  if (plugin.struct_size < first_size<etl_plugin>) {
    throw damaged(path, too_small(plugin.struct_size, first_size<etl_plugin>));
  }
  const std::string built_with = plugin.built_with == nullptr ? "?" : plugin.built_with;
  if (plugin.abi_minor > ETL_ABI_MINOR) {
    throw refused(path, "needs ABI " + version(plugin.abi_major, plugin.abi_minor) +
                            ", this etl has " + own + " (plugin built with " + built_with +
                            "): upgrade etl or rebuild the plugin against this one");
  }
  if (plugin.name == nullptr || plugin.version == nullptr || plugin.built_with == nullptr ||
      plugin.stage_count == 0 || plugin.stages == nullptr) {
    throw damaged(path, "no name, version, compiler or stages");
  }
}

void require_functions(const fs::path& path, const std::string& who,
                       const detail::RequiredFunctions& functions) {
  for (const auto& [name, there] : functions) {
    if (there) continue;
    throw refused(
        path, who + "lacks the function " + name +
                  ", which every stage of its kind must have; implement it and rebuild the plugin");
  }
}

/// Requires the fields of first_size, of which some may be unset; later ones are optional.
template <class Table>
void require_table(const fs::path& path, const std::string& who, const Table* calls, bool ledger) {
  if (calls == nullptr) {
    throw refused(path, who +
                            "lacks the table of its functions; set the one of its kind and "
                            "rebuild the plugin");
  }
  if (calls->struct_size < first_size<Table>) {
    throw damaged(path, who + "has a table of functions of " +
                            too_small(calls->struct_size, first_size<Table>));
  }
  require_functions(path, who, detail::required_functions(*calls, ledger));
}

bool is_stage_name(std::string_view name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789_";
  return !name.empty() && name.find_first_not_of(allowed) == std::string_view::npos;
}

void check_stage(const fs::path& path, const etl_stage* stage) {
  if (stage == nullptr || stage->struct_size < first_size<etl_stage> || stage->name == nullptr ||
      stage->summary == nullptr) {
    throw damaged(path, "a stage without name or summary, or of the wrong size");
  }
  if (!is_stage_name(stage->name)) {
    throw refused(path, "stage names may contain only a-z, 0-9 and _, unlike " +
                            in_quotes(stage->name) + "; rename it and rebuild the plugin");
  }
  const std::string who = std::string("stage \"") + stage->name + "\" ";
  require_functions(path, who,
                    {{"create", stage->create != nullptr}, {"destroy", stage->destroy != nullptr}});
  if ((stage->options == nullptr && stage->option_count != 0) ||
      (stage->columns == nullptr && stage->column_count != 0)) {
    throw damaged(path, who + "declares options or columns but has no table of them");
  }
  const bool ledger = (stage->flags & ETL_STAGE_TRANSACTIONAL) != 0;
  switch (stage->kind) {
    case ETL_SOURCE:
      return require_table(path, who, stage->source, ledger);
    case ETL_FILTER:
      return require_table(path, who, stage->filter, ledger);
    case ETL_SINK:
      return require_table(path, who, stage->sink, ledger);
    default:
      throw refused(path, who + "is of the unknown kind " + std::to_string(stage->kind) +
                              " (1 is a source, 2 a filter, 3 a sink); correct it and rebuild the "
                              "plugin");
  }
}

/// Checks every stage, and that their names differ. The registry compares names across libraries.
void check_stages(const fs::path& path, const etl_plugin& plugin) {
  std::set<std::string_view> names;
  for (const etl_stage* stage : std::span(plugin.stages, plugin.stage_count)) {
    check_stage(path, stage);
    if (!names.insert(stage->name).second) {
      throw refused(path, std::string("offers the stage \"") + stage->name +
                              "\" twice; rename one of the two and rebuild the plugin");
    }
  }
}

void require_not_writable(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    throw refused(path, std::string("cannot be examined: ") + std::strerror(errno));
  }
  const std::string why = why_not_private(path, info);
  if (why.empty()) return;
  const bool writable = (info.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  throw refused(path, "refused, because " + why +
                          (writable ? ""
                                    : ": copy it to a folder of your own, or change its owner to "
                                      "root"));
}

}  // namespace

void require_private(const fs::path& path) {
  require_not_writable(path);
  std::error_code unreadable;  // treated as a file
  if (!fs::is_directory(path, unreadable)) require_not_writable(path.parent_path());
}

LoadedPlugin load_plugin(const fs::path& given) {
  std::error_code failure;
  const fs::path path = fs::canonical(given, failure);
  if (failure) throw refused(given, failure.message() + "; check the path");
  require_private(path);
  require_library_of_this_machine(path);
  const boost::dll::shared_library& library = open_library(path);
  if (!library.has(ETL_PLUGIN_SYMBOL)) {
    if (library.has("etl_plugin_v2")) {
      throw refused(path, "built for plugin ABI 2, this etl speaks ABI " +
                              version(ETL_ABI_MAJOR, ETL_ABI_MINOR) +
                              ": upgrade etl or rebuild the plugin against this etl");
    }
    throw refused(path,
                  "not a plugin of etl (no symbol " ETL_PLUGIN_SYMBOL
                  "): export it with ETL_PLUGIN(...) in one of its sources, or move the library "
                  "elsewhere if it is not a plugin");
  }
  const auto& plugin = library.get<const etl_plugin>(ETL_PLUGIN_SYMBOL);
  check_header(path, plugin);
  check_stages(path, plugin);
  return {path, &whole_table(path, plugin)};
}

SearchPath SearchPath::from(const std::vector<fs::path>& given, std::string_view environment,
                            const fs::path& executable) {
  SearchPath search;
  for (const fs::path& path : given) {
    if (path.empty()) throw Error::config("--plugin-dir: the path is empty");
    search.directories.push_back({fs::absolute(path), "--plugin-dir"});
  }
  for (const std::string_view part : detail::split(environment, ':')) {
    // An empty or relative part would mean the current folder.
    if (part.empty()) continue;
    if (part.front() != '/') {
      throw Error::config("$ETL_PLUGIN_PATH: \"" + std::string(part) +
                          "\" is not an absolute path");
    }
    search.directories.push_back({fs::path(part), "$ETL_PLUGIN_PATH"});
  }
  search.directories.push_back(
      {(executable.parent_path() / ".." / "lib" / "etl" / "plugins").lexically_normal(),
       "beside the executable"});
  return search;
}

}  // namespace etl::runtime
