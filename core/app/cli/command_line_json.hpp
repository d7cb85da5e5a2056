/// \file
/// The command line as data: what man pages and shell completions are made from.
#pragma once

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

namespace etl::app {

/// {name, help, footer, options: [{names, positional, type, allowed, default, required, repeatable,
/// flag, help}], verbs: [the same, one level down]}. An option's `type` is FILE, DIR, STAGE and the
/// like where the words in a value are of that kind, else TEXT or INT.
nlohmann::json command_line_json(const CLI::App& app);

}  // namespace etl::app
