/// \file
/// Which of PostgreSQL's errors are worth another try. Pure functions, for any thread.
#pragma once

#include <etl/error.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postgres {

/// A row of the table that decides.
struct SqlstateRule {
  std::string_view prefix;  ///< a class (two characters) or a whole code (five), which goes first
  etl::Code code;
  std::string_view why;
};
/// All of it; a test compares postgres.md with it.
[[nodiscard]] std::span<const SqlstateRule> sqlstate_rules();
/// What libpq says of a connection that will never come about.
[[nodiscard]] std::span<const std::string_view> hopeless_phrases();

/// What an error with this SQLSTATE means for the partition: transient or permanent. A code that no
/// table row knows is permanent: trying again what is not understood hides mistakes.
[[nodiscard]] etl::Code code_of(std::string_view sqlstate);

/// The same for a failed connection, of which libpq gives no result but only text. REQUIRES: the
/// text was made with PQERRORS_VERBOSE, which writes a server's SQLSTATE into it. Without one the
/// failure is libpq's own (network, TLS, a wrong parameter) and taken for transient, but for the
/// few phrases of a second table.
[[nodiscard]] etl::Code code_of_connect_failure(std::string_view message);

/// The last SQLSTATE in such a text: `FATAL:  28P01: password ...`. Several hosts give several.
[[nodiscard]] std::optional<std::string> sqlstate_in(std::string_view message);

}  // namespace postgres
