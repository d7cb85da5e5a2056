/// \file
/// Establishing a connection, so that it can be cancelled and keeps to its time limit.
#pragma once

#include "dsn.hpp"

#include <etl/context.hpp>

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace postgres {

using PgHandle = std::unique_ptr<PGconn, void (*)(PGconn*)>;

/// Connects to the first of the dsn's hosts that will have us; libpq adds the PG* variables, the
/// password file and the service file. A host that does not answer is given up after
/// connect_timeout, 10 s where neither dsn nor environment has one, and the next is tried.
///
/// `on_notice(arg, notice)` gets the server's notices, now and as long as the connection lives.
///
/// Throws Error: cancelled; permanent where credentials, database or parameters are wrong;
/// transient for the rest. The messages contain no secret.
[[nodiscard]] PgHandle connect(const Dsn& dsn, const etl::Context& context,
                               PQnoticeReceiver on_notice, void* arg);

/// A message of libpq or of a server's line by line as one line: "a; b".
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace postgres
