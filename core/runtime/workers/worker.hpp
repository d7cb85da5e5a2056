/// \file
/// The inside of a worker process (`run.executor = "processes"`).
#pragma once

namespace etl::runtime {

/// Starts a worker: `PROGRAM worker_flag SOCKET BOARD`, with two inherited descriptors.
inline constexpr const char* worker_flag = "--worker";

/// Serves the runner at the other end of the socket until the runner ends it. When the runner is
/// gone, ends the process at once, and open transactions roll back. Returns the exit code.
int serve_runner(int socket, int board);

}  // namespace etl::runtime
