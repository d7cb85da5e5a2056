/// \file
/// connect(): opens a connection, with cancellation and a time limit.
#pragma once

#include "plugins/postgres/connection/dsn.hpp"

#include <etl/context.hpp>

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace postgres {

using PgHandle = std::unique_ptr<PGconn, void (*)(PGconn*)>;

/// Connects to the first of the dsn's hosts that accepts; libpq adds the PG* variables, the password
/// file and the service file. Tries the next host if one does not answer within connect_timeout,
/// which is 10 s unless dsn or environment set it.
///
/// `on_notice(arg, notice)` receives the server's notices for the lifetime of the connection.
///
/// Throws Error: cancelled; permanent for wrong credentials, database or parameters; otherwise
/// transient. The messages contain no secret.
[[nodiscard]] PgHandle connect(const Dsn& dsn, const etl::Context& context,
                               PQnoticeReceiver on_notice, void* arg);

/// Joins the lines of a message of libpq or the server: "a; b".
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace postgres
