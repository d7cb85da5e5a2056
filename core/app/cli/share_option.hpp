/// \file
/// `etl run --task`: which share of the plan this process loads, as given on the command line or by
/// the environment of the engine that started it.
#pragma once

#include "core/runtime/base/environment.hpp"
#include "core/runtime/pipeline/plan.hpp"

#include <cstdint>
#include <string>

namespace etl::app {

/// The number of tasks, for engines that do not set it themselves (Kubernetes).
inline constexpr const char* tasks_variable = "ETL_TASKS";

/// Returns why a value of --task is refused, or "". Valid are `I/N`, `auto` and `auto/N`.
[[nodiscard]] std::string check_share(const std::string& text);
/// Returns the share that --task names. `auto` takes both numbers from the engine's environment,
/// `auto/N` the index alone; an index that counts from 1 (Grid Engine) is reduced by 1. `offset` is
/// added to the index, for plans cut into several arrays. Throws Error (config) if the engine sets
/// no numbers, or numbers that make no share. REQUIRES: check_share(text) is empty.
[[nodiscard]] runtime::Share parse_share(const std::string& text, std::int64_t offset,
                                         const runtime::Environment& environment);

}  // namespace etl::app
