/// \file
/// The tables that map PostgreSQL's errors to etl::Code, which decides what is retried. Safe to use
/// from any thread.
#pragma once

#include <etl/error.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postgres {

/// A row of the table of SQLSTATEs.
struct SqlstateRule {
  std::string_view prefix;  ///< a class (two characters) or a code (five), which takes precedence
  etl::Code code;
  std::string_view why;
};
/// The table. A test compares postgres.md with it.
[[nodiscard]] std::span<const SqlstateRule> sqlstate_rules();
/// Phrases in libpq's own messages that make a failure to connect permanent.
[[nodiscard]] std::span<const std::string_view> hopeless_phrases();

/// Transient or permanent. A SQLSTATE without a row is permanent: retrying unknown errors would hide
/// mistakes.
[[nodiscard]] etl::Code code_of(std::string_view sqlstate);

/// The same for a failure to connect, for which libpq has only a text. REQUIRES: PQERRORS_VERBOSE,
/// which adds the server's SQLSTATE. Without one, the failure is libpq's own (network, TLS, a wrong
/// parameter): transient, unless the text has one of hopeless_phrases().
[[nodiscard]] etl::Code code_of_connect_failure(std::string_view message);

/// The last SQLSTATE in such a text: `FATAL:  28P01: password ...`. There is one per host.
[[nodiscard]] std::optional<std::string> sqlstate_in(std::string_view message);

}  // namespace postgres
