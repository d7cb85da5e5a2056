#include "plugins/postgres/connection/sqlstate.hpp"

#include <algorithm>

namespace postgres {
namespace {

using enum etl::Code;

// Codes: https://www.postgresql.org/docs/15/errcodes-appendix.html
constexpr SqlstateRule rules[] = {
    {"08", transient, "connection exception"},
    {"0A", permanent, "feature not supported"},
    {"22", permanent, "data exception: the same rows fail again"},
    {"23", permanent, "integrity constraint violation: the same rows fail again"},
    // A standby answers this while its primary is being replaced; a retry then finds the new one. A
    // permanently read-only database costs a few useless retries.
    {"25006", transient, "read-only transaction"},
    {"25P03", transient, "idle in transaction for too long: the source was slow"},
    {"28", permanent, "invalid authorization: password, role or pg_hba.conf"},
    {"3D", permanent, "no such database"},
    {"3F", permanent, "no such schema"},
    {"40", transient, "transaction rollback: serialization failure, deadlock"},
    {"40002", permanent, "integrity constraint violation found at commit"},
    {"42", permanent, "syntax error, missing object or missing privilege"},
    {"53", transient, "insufficient resources: disk, memory, connections"},
    {"54", permanent, "program limit exceeded"},
    {"55P03", transient, "lock not available: lock_timeout of the role or the dsn"},
    // Not the host's own cancellation, which is noticed before the server's answer to it.
    {"57014", transient, "query cancelled: statement_timeout or an operator"},
    {"57P01", transient, "server is shutting down, or an operator ended the session"},
    {"57P02", transient, "server crashed and restarts"},
    {"57P03", transient, "server is starting up"},
    {"57P05", transient, "idle for too long"},
    {"58", transient, "system error outside of PostgreSQL: input, output"},
    {"XX", permanent, "internal error, damaged data"},
};

// From libpq's own messages, which have no code. libpq translates them only in a program that has
// called setlocale(); then these phrases do not match, and the failure is retried in vain.
constexpr std::string_view permanent_phrases[] = {
    "SSL was required",            // server does not support SSL, but ...
    "no password supplied",        //
    "invalid sslmode value",       // this and the next: a mistake in the dsn
    "invalid integer value",       //
    "invalid connection option",   //
    "invalid port number",         //
    "definition of service",       // ... not found
    "root certificate file",       // ... does not exist
    "certificate verify failed",   //
    "server certificate for",      // ... does not match host name
    "could not read certificate",  //
    "authentication method",       // ... not supported, or not allowed
};

bool is_code_character(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::span<const SqlstateRule> sqlstate_rules() { return rules; }

std::span<const std::string_view> hopeless_phrases() { return permanent_phrases; }

etl::Code code_of(std::string_view sqlstate) {
  const SqlstateRule* found = nullptr;
  for (const SqlstateRule& rule : rules) {
    if (!sqlstate.starts_with(rule.prefix)) continue;
    if (found == nullptr || rule.prefix.size() > found->prefix.size()) found = &rule;
  }
  return found == nullptr ? permanent : found->code;
}

std::optional<std::string> sqlstate_in(std::string_view message) {
  constexpr std::string_view before = ":  ";  // between severity and code, in every language
  for (std::size_t at = message.rfind(before); at != std::string_view::npos;
       at = at == 0 ? std::string_view::npos : message.rfind(before, at - 1)) {
    const std::string_view rest = message.substr(at + before.size());
    if (rest.size() > 5 && rest[5] == ':' &&
        std::all_of(rest.begin(), rest.begin() + 5, is_code_character)) {
      return std::string(rest.substr(0, 5));
    }
  }
  return std::nullopt;
}

etl::Code code_of_connect_failure(std::string_view message) {
  if (const auto sqlstate = sqlstate_in(message)) return code_of(*sqlstate);
  const bool hopeless = std::ranges::any_of(permanent_phrases, [&](std::string_view phrase) {
    return message.find(phrase) != std::string_view::npos;
  });
  return hopeless ? permanent : transient;
}

}  // namespace postgres
