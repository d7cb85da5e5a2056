/// \file
/// Exit codes of `etl`; 64, 70, 75 and 78 are those of sysexits.h.
#pragma once

namespace etl::app {

inline constexpr int exit_ok = 0;         ///< done, also when there was nothing to do
inline constexpr int exit_failed = 1;     ///< something failed; run again to retry just that
inline constexpr int exit_usage = 64;     ///< wrong command line
inline constexpr int exit_internal = 70;  ///< a defect of etl
inline constexpr int exit_retry = 75;     ///< of a task: worth retrying (EX_TEMPFAIL)
inline constexpr int exit_config = 78;    ///< bad pipeline file or plugin
inline constexpr int exit_signal = 128;   ///< + signal number: stopped after rolling back

}  // namespace etl::app
