/// \file
/// `etl run --task`: which share of the plan this process does, from the command line or from what
/// the engine that started it says in the environment.
#pragma once

#include "core/runtime/base/environment.hpp"
#include "core/runtime/pipeline/pipeline.hpp"
#include "core/runtime/pipeline/plan_shares.hpp"

#include <cstdint>
#include <string>

namespace etl::app {

/// How many tasks there are, for engines that do not say it themselves (Kubernetes).
inline constexpr const char* tasks_variable = "ETL_TASKS";

/// What is wrong with the text of --task; empty when it is one: `I/N`, `auto` or `auto/N`.
[[nodiscard]] std::string is_task(const std::string& text);
/// The share. `auto` takes both numbers from the engine, `auto/N` only which task this is: its
/// index as the engine counts, less 1 where counting begins at 1 (Grid Engine). `offset` is added,
/// for arrays that a site's limit cuts in pieces. Throws Error (config) when the engine says
/// nothing, or something that makes no share. REQUIRES: is_task(text) is empty.
[[nodiscard]] runtime::Share task_share(const std::string& text, std::int64_t offset,
                                        const runtime::Environment& environment);

}  // namespace etl::app
