/// \file
/// The connection string, and keeping its secrets out of every text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postgres {

/// Removes known secrets from texts. A plain value; reading is safe from any thread.
class Redactor {
 public:
  /// Secrets of less than four bytes are ignored: without its every "e" a text is unreadable, and
  /// tells that the password is "e". The host conceals them where they stand as a password.
  void add(std::string secret);

  /// `text` with "***" for every secret, whether it stands there as it is, percent-encoded as in a
  /// URI or with backslashes as in key=value.
  [[nodiscard]] std::string scrub(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;  // longest first: one may contain another
};

/// A connection string as libpq takes it: a URI, key=value pairs, or nothing, which leaves all to
/// the PG* environment variables. Immutable; may be used from any thread.
class Dsn {
 public:
  /// Throws Error (config, about "dsn") when it cannot be read. The message contains nothing of
  /// `text`: in a mistyped dsn, any part may belong to the password.
  explicit Dsn(std::string text);

  /// Holds the password: for libpq only.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Knows the passwords of the dsn and of the environment.
  [[nodiscard]] const Redactor& redactor() const { return redactor_; }

 private:
  std::string text_;
  Redactor redactor_;
};

}  // namespace postgres
