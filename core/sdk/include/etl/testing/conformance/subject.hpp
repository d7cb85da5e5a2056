/// \file
/// The subject of the checks: a stage with its options and input, and the places it works in.
#pragma once

#include <etl/abi.h>
#include <etl/schema.hpp>

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace etl::inline v1::conformance {

namespace fs = std::filesystem;

/// Thrown by a check that fails.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Thrown by a check that does not apply.
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

/// A folder and a unique word, for one target or one set of input.
struct Place {
  fs::path scratch;  ///< an existing folder, empty at first
  std::string id;    ///< [a-z0-9_]+, for the names of tables

  /// `text` with `{scratch}` and `{id}` replaced.
  [[nodiscard]] std::string fill(std::string text) const {
    replace_all(text, "{scratch}", scratch.string());
    replace_all(text, "{id}", id);
    return text;
  }
};

/// The output of a shell command, and whether its exit code was 0.
struct Shown {
  bool ok = false;
  std::string text;
  bool operator==(const Shown&) const = default;
};

/// Runs `command` with sh in the place's folder. Its stderr is that of the check.
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

/// Creates the places of one check in a common folder.
class Places {
 public:
  explicit Places(fs::path root) : root_(std::move(root)) {
    std::random_device chance;
    char text[32];
    std::snprintf(text, sizeof(text), "check_%08x", chance());
    word_ = text;
  }
  /// A new place, also different from those that child processes have made.
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

/// An input column of a filter or sink.
struct InputColumn {
  Field field;
  std::vector<std::string> values = {};  ///< used in turn; empty = generated
  bool scope = false;  ///< one value per partition, so that a sink can replace its rows
};

/// Options as create() takes them, and the owner of the memory they borrow.
struct GivenOptions {
  std::shared_ptr<const void> owner;
  std::span<const etl_option> values;
};

/// A stage with everything its checks need. Commands are run by sh in the place's folder;
/// `{scratch}` and `{id}` are replaced in commands and in options of text.
struct Subject {
  const etl_stage* stage = nullptr;
  /// Returns complete options, as a pipeline would set them; throws Error (config).
  std::function<GivenOptions(const Place&)> options;
  std::vector<InputColumn> columns = {};  ///< of filters and sinks; empty = chosen by the kit
  std::string before = {};                ///< creates what the stage needs; run once per place
  std::string dump = {};                  ///< prints the rows in a sink's target, in a fixed order
};

}  // namespace etl::inline v1::conformance
