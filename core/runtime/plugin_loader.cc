#include "core/runtime/plugin_loader.hpp"

#include <sys/stat.h>

#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstring>
#include <etl/error.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>

namespace etl::runtime {
namespace {

namespace fs = std::filesystem;

/// The part of etl_plugin that a v1 host needs; a smaller struct_size is damage.
constexpr std::uint32_t plugin_size_v1 = sizeof(etl_plugin);

Error refused(const fs::path& path, const std::string& why) {
  return Error::config(path.string() + ": " + why);
}

/// dlerror's text without the path that every message starts with already.
std::string dlopen_reason(const fs::path& path, std::string text) {
  const std::string repeated = path.string() + ": ";
  if (const auto at = text.find(repeated); at != std::string::npos) text.erase(at, repeated.size());
  if (text.find("GLIBCXX_") != std::string::npos || text.find("CXXABI_") != std::string::npos) {
    text += "; it was built with a newer g++ than this machine's libstdc++: rebuild it here";
  } else if (text.find("wrong ELF class") != std::string::npos ||
             text.find("invalid ELF header") != std::string::npos ||
             text.find("file too short") != std::string::npos) {
    text += "; it is no shared library for this machine";
  } else if (text.find("undefined symbol") != std::string::npos) {
    text += "; link the plugin with -Wl,-z,defs to see this when it is built";
  } else if (text.find("cannot open shared object file") != std::string::npos) {
    text += "; install that library, or rebuild the plugin without it";
  }
  return text;
}

/// Loaded libraries, kept for ever and leaked on purpose, so that no destructor order matters.
struct Libraries {
  std::mutex mutex;
  std::map<fs::path, std::unique_ptr<boost::dll::shared_library>> by_path;
};
Libraries& libraries() {
  static auto* loaded = new Libraries;
  return *loaded;
}

const boost::dll::shared_library& open_library(const fs::path& path) {
  Libraries& loaded = libraries();
  const std::scoped_lock lock(loaded.mutex);
  auto& library = loaded.by_path[path];
  if (library == nullptr) {
    try {
      // The throwing overload: the one that takes an error_code loses dlerror's text. rtld_now: a
      // missing symbol is an error here and not a crash at its first call.
      library = std::make_unique<boost::dll::shared_library>(
          path.string(), boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    } catch (const std::exception& error) {
      loaded.by_path.erase(path);
      throw refused(path, "cannot be loaded: " + dlopen_reason(path, error.what()));
    }
  }
  return *library;
}

std::string version(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

void check_header(const fs::path& path, const etl_plugin& plugin) {
  if (std::memcmp(plugin.magic, ETL_PLUGIN_MAGIC, sizeof(plugin.magic)) != 0) {
    throw refused(path, "damaged plugin header: " ETL_PLUGIN_SYMBOL
                        " does not start with \"" ETL_PLUGIN_MAGIC "\"");
  }
  if (plugin.abi_major != ETL_ABI_MAJOR) {
    throw refused(path, "built for plugin ABI " + std::to_string(plugin.abi_major) +
                            ", this runtime speaks ABI " + std::to_string(ETL_ABI_MAJOR) +
                            ": rebuild the plugin against this etl");
  }
  if (plugin.struct_size < plugin_size_v1) {
    throw refused(path, "damaged plugin header: " + std::to_string(plugin.struct_size) +
                            " bytes where ABI 1.0 has " + std::to_string(plugin_size_v1));
  }
  if (plugin.abi_minor > ETL_ABI_MINOR) {
    throw refused(path, "needs ABI " + version(plugin.abi_major, plugin.abi_minor) +
                            ", this runtime has " + version(ETL_ABI_MAJOR, ETL_ABI_MINOR) +
                            " (plugin built with " + plugin.built_with +
                            "): upgrade etl or rebuild the plugin against this one");
  }
  if (plugin.name == nullptr || plugin.version == nullptr || plugin.stage_count == 0 ||
      plugin.stages == nullptr) {
    throw refused(path, "damaged plugin header: no name, version or stages");
  }
}

bool complete(const etl_source* calls) {
  return calls != nullptr && calls->schema != nullptr && calls->plan != nullptr &&
         calls->read != nullptr;
}
bool complete(const etl_filter* calls) {
  return calls != nullptr && calls->schema != nullptr && calls->open != nullptr &&
         calls->apply != nullptr && calls->close != nullptr;
}
bool complete(const etl_sink* calls, bool transactional) {
  return calls != nullptr && calls->check != nullptr && calls->open != nullptr &&
         calls->write != nullptr && calls->commit != nullptr && calls->close != nullptr &&
         (!transactional || (calls->committed != nullptr && calls->record != nullptr));
}

void check_stage(const fs::path& path, const etl_stage* stage) {
  if (stage == nullptr || stage->struct_size < sizeof(etl_stage) || stage->name == nullptr ||
      stage->summary == nullptr) {
    throw refused(path, "damaged plugin header: a stage without name or of the wrong size");
  }
  const std::string who = std::string("stage \"") + stage->name + "\" ";
  const bool transactional = (stage->flags & ETL_STAGE_TRANSACTIONAL) != 0;
  if (stage->create == nullptr || stage->destroy == nullptr) {
    throw refused(path, who + "lacks the function create or destroy");
  }
  switch (stage->kind) {
    case ETL_SOURCE:
      if (!complete(stage->source))
        throw refused(path, who + "lacks a function of a source (schema, plan, read)");
      return;
    case ETL_FILTER:
      if (!complete(stage->filter)) {
        throw refused(path, who + "lacks a function of a filter (schema, open, apply, close)");
      }
      return;
    case ETL_SINK:
      if (!complete(stage->sink, transactional)) {
        throw refused(path, who + "lacks a function of a sink (check, open, write, commit, close" +
                                (transactional ? ", committed, record)" : ")"));
      }
      return;
    default:
      throw refused(path, who + "is of the unknown kind " + std::to_string(stage->kind));
  }
}

void require_not_writable(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    throw refused(path, std::string("cannot be examined: ") + std::strerror(errno));
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw refused(path, "refused, because others can write it: chmod go-w " + path.string());
  }
  if (info.st_uid != 0 && info.st_uid != ::geteuid()) {
    throw refused(path, "refused, because it belongs to another user (uid " +
                            std::to_string(info.st_uid) + ")");
  }
}

}  // namespace

void require_private(const fs::path& path) {
  require_not_writable(path);
  if (!fs::is_directory(path)) require_not_writable(path.parent_path());
}

LoadedPlugin load_plugin(const fs::path& given) {
  std::error_code failure;
  const fs::path path = fs::canonical(given, failure);
  if (failure) throw refused(given, failure.message());
  require_private(path);
  const boost::dll::shared_library& library = open_library(path);
  if (!library.has(ETL_PLUGIN_SYMBOL)) {
    if (library.has("etl_plugin_v2")) {
      throw refused(
          path,
          "built for plugin ABI 2, this runtime speaks ABI 1: upgrade etl or rebuild the plugin");
    }
    throw refused(path, "not an ETL plugin (no symbol " ETL_PLUGIN_SYMBOL ")");
  }
  const auto& plugin = library.get<const etl_plugin>(ETL_PLUGIN_SYMBOL);
  check_header(path, plugin);
  for (std::size_t i = 0; i < plugin.stage_count; ++i) check_stage(path, plugin.stages[i]);
  return {path, &plugin};
}

SearchPath SearchPath::from(const std::vector<fs::path>& given, const char* environment,
                            const fs::path& executable) {
  SearchPath search;
  for (const fs::path& path : given)
    search.directories.push_back({fs::absolute(path), "--plugin-dir"});
  std::string_view rest = environment == nullptr ? "" : environment;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
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
