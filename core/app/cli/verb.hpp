/// \file
/// A verb of the command line.
#pragma once

#include "core/app/cli/session.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace etl::app {

/// Owns its options; run() reads what the parser has stored in them.
class Verb {
 public:
  Verb(std::string name, std::string help) : name_(std::move(name)), help_(std::move(help)) {}
  virtual ~Verb() = default;
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;

  /// "run"; "new plugin" for `plugin` in the group `new`.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& help() const { return help_; }
  /// Declares the verb's own options, in the order in which help lists them.
  virtual void declare(Options& options) = 0;
  /// Returns why options do not go together, or "".
  [[nodiscard]] virtual std::string misuse() const { return {}; }
  /// Prints the result on stdout, logs on stderr, and returns the exit code.
  virtual int run(const Session& session) = 0;
  /// The exit code of a transient Error that run() throws.
  [[nodiscard]] virtual int transient_exit_code() const { return exit_failed; }

  CommonOptions common;

 private:
  std::string name_;
  std::string help_;
};

struct VerbList {
  std::vector<std::unique_ptr<Verb>> verbs;   ///< in the order in which help lists them
  std::map<std::string, std::string> groups;  ///< help by name: "new"
};

}  // namespace etl::app
