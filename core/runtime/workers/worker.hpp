/// \file
/// A worker process, from inside: `run.executor = "processes"`.
#pragma once

namespace etl::runtime {

/// What makes a program a worker: `PROGRAM worker_flag SOCKET BOARD`, two inherited descriptors.
inline constexpr const char* worker_flag = "--worker";

/// Serves the runner at the other end of the socket until it says so, or is gone: then the process
/// ends at once, and what is open rolls back. Returns the exit code.
int serve_runner(int socket, int board);

}  // namespace etl::runtime
