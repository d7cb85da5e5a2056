/// \file
/// What is checked: a stage, its options, the rows it is given, and how to see what a sink wrote.
#pragma once

#include <etl/abi.h>
#include <etl/schema.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace etl {
inline namespace v1 {
namespace conformance {

namespace fs = std::filesystem;

/// Why a check did not pass. Thrown by checks.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Why a check could not be made. Thrown by checks.
struct Skip : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& otherwise) {
  if (!holds) throw Failure(otherwise);
}

inline void replace_all(std::string& text, std::string_view what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

/// A folder and a word that nothing else uses: where one target or one set of input lies.
struct Place {
  fs::path scratch;  ///< exists, and is empty at first
  std::string id;    ///< [a-z0-9_]+, for the names of tables

  /// `text` with `{scratch}` and `{id}` replaced.
  [[nodiscard]] std::string fill(std::string text) const {
    replace_all(text, "{scratch}", scratch.string());
    replace_all(text, "{id}", id);
    return text;
  }
};

/// What a shell command printed, and whether it ended with 0.
struct Shown {
  bool ok = false;
  std::string text;
  bool operator==(const Shown&) const = default;
};

/// Runs `command` with sh in the place's folder. Its messages go where those of the check go.
inline Shown shell(const Place& place, const std::string& command) {
  const std::string line = "cd '" + place.scratch.string() + "' && " + place.fill(command);
  std::FILE* const pipe = ::popen(line.c_str(), "re");
  if (pipe == nullptr) throw Skip("cannot run sh");
  Shown shown;
  char part[4096];
  while (const std::size_t size = std::fread(part, 1, sizeof(part), pipe)) {
    shown.text.append(part, size);
  }
  shown.ok = ::pclose(pipe) == 0;
  return shown;
}

/// Makes places in one folder, for one check.
class Places {
 public:
  explicit Places(fs::path root) : root_(std::move(root)) {
    std::random_device chance;
    char text[32];
    std::snprintf(text, sizeof(text), "check_%08x", chance());
    word_ = text;
  }
  /// Unlike any other, also of those that child processes have made.
  Place make() {
    while (true) {
      std::string id = word_ + "_" + std::to_string(++count_);
      const fs::path folder = root_ / id;
      if (fs::create_directory(folder)) return {folder, std::move(id)};
    }
  }

 private:
  fs::path root_;
  std::string word_;
  int count_ = 0;
};

/// A column of what a filter or a sink is given.
struct InputColumn {
  Field field;
  std::vector<std::string> values = {};  ///< taken in turn; empty = made by the kit
  bool scope = false;  ///< one value a partition, so that a sink can replace the partition's rows
};

/// Options in the form that create() takes, with what they borrow from.
struct GivenOptions {
  std::shared_ptr<const void> owner;
  std::span<const etl_option> values;
};

/// A stage with all that its checks need. Commands are run by sh, in the place's folder;
/// `{scratch}` and `{id}` in them and in texts among the options are replaced.
struct Subject {
  const etl_stage* stage = nullptr;
  /// Complete options, as a pipeline would give them; throws Error (config).
  std::function<GivenOptions(const Place&)> options;
  std::vector<InputColumn> columns = {};  ///< of filters and sinks; empty = chosen by the kit
  std::string before = {};                ///< makes what the stage needs; run once a place
  std::string dump = {};  ///< prints the rows that a sink's target has, in a fixed order
};

}  // namespace conformance
}  // namespace v1
}  // namespace etl
