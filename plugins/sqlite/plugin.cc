#include "plugins/sqlite/sqlite_sink.hpp"

#include <etl/plugin.hpp>

ETL_PLUGIN("sqlite", "1.0.0", sqlite::SqliteSink);
