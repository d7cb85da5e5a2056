#include "plugins/postgres/postgres_sink.hpp"

ETL_PLUGIN("postgres", "1.0.0", postgres::PostgresSink);
