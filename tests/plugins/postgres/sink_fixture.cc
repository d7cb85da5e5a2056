#include "sink_fixture.hpp"

namespace postgres_test {
namespace {

std::unique_ptr<Cluster>& shared_cluster() {
  static std::unique_ptr<Cluster> cluster;
  return cluster;
}

etl_option text_option(const char* name, const std::string& value) {
  etl_option option{};
  option.name = etl::detail::to_abi(name);
  option.type = ETL_OPTION_STRING;
  option.given = 1;
  option.value.s = etl::detail::to_abi(value);
  return option;
}

/// Borrows the items.
struct ListOption {
  ListOption(const char* name, etl_option_type type, const etl::Strings& items) {
    for (const std::string& item : items) texts.push_back(etl::detail::to_abi(item));
    option.name = etl::detail::to_abi(name);
    option.type = type;
    option.given = 1;
    option.value.list = {texts.data(), texts.size()};
  }
  ListOption(const ListOption&) = delete;
  ListOption& operator=(const ListOption&) = delete;

  std::vector<etl_str> texts;
  etl_option option{};
};

}  // namespace

TestSink::TestSink(const Given& given) {
  etl::Strings entries;
  for (const auto& [column, function] : given.combine) {
    entries.push_back(column);
    entries.push_back(function);
  }
  const ListOption key("key", ETL_OPTION_LIST, given.key);
  const ListOption order("order", ETL_OPTION_LIST, given.order);
  const ListOption combine("combine", ETL_OPTION_MAP, entries);
  const std::vector<etl_option> options = {text_option("dsn", given.dsn),
                                           text_option("table", given.table),
                                           text_option("mode", given.mode),
                                           text_option("existing_rows", given.existing_rows),
                                           key.option,
                                           order.option,
                                           combine.option};
  sink_ = std::make_unique<postgres::PostgresSink>(etl::Options(options), host.context());
}

Cluster& cluster() {
  if (!shared_cluster()) shared_cluster() = std::make_unique<Cluster>();
  return *shared_cluster();
}

void stop_cluster() { shared_cluster().reset(); }

// Emptying a database is fifty times as fast as creating one.
SinkTest::SinkTest() {
  static bool created = false;
  Session server(cluster().dsn());
  if (!created) server.run("CREATE DATABASE " + database());
  created = true;
  server.run("ALTER DATABASE " + database() + " RESET ALL");
  EXPECT_TRUE(wait_until([&] {  // the sessions of the test before have ended
    return server.value("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + database() +
                        "'") == "0";
  }));
  session_ = std::make_unique<Session>(dsn());
  db().run("SET client_min_messages = warning");
  for (const auto& row :
       db().query("SELECT quote_ident(nspname) FROM pg_namespace"
                  " WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'")) {
    db().run("DROP SCHEMA " + row[0].value() + " CASCADE");
  }
  db().run("CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO public");
}

int SinkTest::terminate_sinks() {
  return static_cast<int>(
      db().query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE application_name = 'etl' AND datname = current_database()")
          .size());
}

int SinkTest::sessions(const std::string& condition) {
  return std::stoi(
      db().value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'etl'"
                 " AND datname = current_database() AND " +
                 condition));
}

bool SinkTest::wait_for_lock() {
  return wait_until([&] { return sessions("wait_event_type = 'Lock'") != 0; });
}

std::string log_of(const etl_test::RecordingHost& host) {
  std::string log;
  for (const std::string& message : host.messages()) log += message + "\n";
  return log;
}

etl::Schema simple_schema() { return {{"id", etl::Type::int64}, {"title", etl::Type::utf8}}; }

etl::Batch simple_batch(std::int64_t first, std::int64_t count, const std::string& title) {
  etl::BatchBuilder builder(simple_schema());
  for (std::int64_t id = first; id < first + count; ++id) builder.row(id, title);
  return builder.finish();
}

etl::WriteRequest request_for(const std::string& partition, const std::string& run) {
  etl::WriteRequest request;
  request.pipeline = "pipeline";
  request.source = "source";
  request.sink = "sink";
  request.run_id = run;
  request.partition.id = partition;
  request.partition.uri = "file:///" + partition;
  return request;
}

etl::LedgerRecord record_for(const etl::WriteRequest& request, std::int64_t rows,
                             etl::State state) {
  etl::LedgerRecord record;
  record.state = state;
  record.pipeline = request.pipeline;
  record.source = request.source;
  record.sink = request.sink;
  record.partition = request.partition.id;
  record.rows_read = rows;
  record.rows_written = rows;
  record.source_uri = request.partition.uri;
  record.definition = "source:1;sink:2";
  record.run_id = request.run_id;
  record.attempts = 1;
  record.started_at = 1'700'000'000'123'456;
  record.finished_at = 1'700'000'001'000'000;
  return record;
}

void load(postgres::PostgresSink& sink, const etl::WriteRequest& request, etl::Batch batch) {
  const auto rows = static_cast<std::int64_t>(batch.rows());
  postgres::PostgresWriter writer = sink.open(request, batch.schema());
  writer.write(batch);
  writer.commit(record_for(request, rows));
}

etl::Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const etl::Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was thrown";
  return {etl::Code::internal, "no error"};
}

}  // namespace postgres_test
