/// \file
/// What is wrong with a pipeline file, where, and what to do about it.
///
/// Checks do not throw: they report here and go on, so that a user sees every mistake of a file at
/// once. A secret never comes out: conceal() masks it in the lines that are shown, and who writes a
/// message does not quote it.
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

/// A place in a file. Lines and columns count from 1; a column is a Unicode character (code point),
/// as most editors count, and a tab is one column. Line 0 means the whole file. `file` may also be
/// the command-line argument that a value came from ("--set db.path"), with line 0.
struct Position {
  std::string file;
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t length = 1;  ///< in characters; a line break inside counts as one
  bool operator==(const Position&) const = default;
};

enum class Severity { error, warning };

/// One finding. `hint` says what to do (`did you mean "language"?`) and may be empty; it
/// may have several lines.
struct Diagnostic {
  Severity severity = Severity::error;
  Position position;
  std::string message;
  std::string hint;
};

/// Collects the findings of a run's files. Not thread-safe. Text that is not printable UTF-8 is
/// made so on the way in.
class Diagnostics {
 public:
  Diagnostics();
  ~Diagnostics();
  Diagnostics(const Diagnostics&) = delete;
  Diagnostics& operator=(const Diagnostics&) = delete;

  /// Hands over a file's text, so that its lines can be shown.
  void source(const std::string& file, std::string text);
  /// Masks these characters wherever their line is shown, also for findings reported before.
  void conceal(const Position& secret);

  void error(const Position& position, std::string_view message, std::string_view hint = {});
  void warning(const Position& position, std::string_view message, std::string_view hint = {});

  [[nodiscard]] bool failed() const { return failed_; }
  /// In the order in which they were reported.
  [[nodiscard]] const std::vector<Diagnostic>& all() const { return all_; }

  /// For people: sorted by file, line and column, each as `file:line:column: error: message`, the
  /// line, a caret under the place and `  hint: ...`. Empty when there is nothing to say. From the
  /// 501st on the line is not shown.
  [[nodiscard]] std::string text(bool colour) const;
  /// For programs: [{file, line, column, severity, message, hint}], sorted likewise.
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
