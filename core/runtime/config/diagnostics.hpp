/// \file
/// Errors and warnings about pipeline files, with positions and hints.
///
/// Checks do not throw: they report here and continue, so that a user sees all mistakes at once.
/// Secrets stay hidden: conceal() masks them in the lines shown, and messages do not quote them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

class SourceText;

/// A position in a file. Lines and columns count from 1; a column is a Unicode character (code
/// point), as most editors count, and a tab is one column. Line 0 means the whole file. `file` may
/// also be the command-line argument that a value came from ("--set db.path"), with line 0.
struct Position {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t length = 1;  ///< in characters; a line break inside counts as one
  bool operator==(const Position&) const = default;
};

enum class Severity { error, warning };

/// One error or warning. `hint` says how to fix it (`did you mean "language"?`); it may be empty or
/// have several lines.
struct Diagnostic {
  Severity severity = Severity::error;
  Position position;
  std::string message;
  std::string hint;
};

/// Collects diagnostics. Not thread-safe. Makes all text printable UTF-8.
class Diagnostics {
 public:
  Diagnostics();
  ~Diagnostics();
  Diagnostics(const Diagnostics&) = delete;
  Diagnostics& operator=(const Diagnostics&) = delete;

  /// Registers a file's text, so that excerpts of it can be shown.
  void source(const std::string& file, std::string text);
  /// Masks these characters in every excerpt, including those of earlier diagnostics.
  void conceal(const Position& secret);

  void error(const Position& position, std::string_view message, std::string_view hint = {});
  void warning(const Position& position, std::string_view message, std::string_view hint = {});

  [[nodiscard]] bool failed() const { return failed_; }
  /// In the order in which they were reported.
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return all_; }

  /// Formats the diagnostics for people, sorted by file, line and column: each as
  /// `file:line:column: error: message`, the line with a caret under the position (for the first
  /// 100), and `  hint: ...`.
  [[nodiscard]] std::string text(bool colour) const;
  /// The same for programs: [{file, line, column, severity, message, hint}].
  [[nodiscard]] nlohmann::json json() const;

 private:
  void add(Severity severity, const Position& position, std::string_view message,
           std::string_view hint);
  [[nodiscard]] std::vector<const Diagnostic*> sorted() const;

  std::vector<Diagnostic> all_;
  std::map<std::string, std::unique_ptr<SourceText>, std::less<>> sources_;
  bool failed_ = false;
};

/// "error", "warning".
[[nodiscard]] std::string_view severity_name(Severity severity);

}  // namespace etl::runtime
