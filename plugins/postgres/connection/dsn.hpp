/// \file
/// Dsn: the connection string. Redactor: keeps its secrets out of messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// Removes known secrets from texts. A plain value; scrub() is safe from any thread.
class Redactor {
 public:
  /// Ignores secrets of less than four bytes: a text without every "e" is unreadable, and reveals
  /// that the password is "e". The host redacts those where they appear as a password.
  void add(std::string secret);

  /// Replaces every secret in `text` by "***", whether it is written plainly, percent-encoded as in a
  /// URI, or with backslashes as in key=value.
  [[nodiscard]] std::string scrub(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // longest first: one may contain another
};

/// A connection string for libpq: a URI, key=value pairs, or empty, which leaves everything to the
/// PG* environment variables. Immutable; may be used from any thread.
class Dsn {
 public:
  /// Throws Error (config, about "dsn") if it cannot be parsed. The message quotes nothing of `text`:
  /// in a mistyped dsn, any part may belong to the password.
  explicit Dsn(std::string text);

  /// Contains the password: for libpq only.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Knows the passwords of the dsn and of the environment.
  [[nodiscard]] const Redactor& redactor() const { return redactor_; }

 private:
  std::string text_;
  Redactor redactor_;
};

}  // namespace postgres
