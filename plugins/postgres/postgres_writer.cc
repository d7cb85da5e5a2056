#include "plugins/postgres/postgres_writer.hpp"

#include "plugins/common/sql/earlier_load.hpp"
#include "plugins/postgres/tables.hpp"

#include <utility>

namespace postgres {
namespace {

// Large enough to make the cost of a call negligible; small enough for several messages to fit into
// the socket's buffer, since the server parses a message's rows only after its last byte.
constexpr std::size_t send_bytes = std::size_t{64} << 10;

// The name need not vary: temporary tables belong to a session, which loads one partition at a time.
constexpr std::string_view staging = "pg_temp.etl_staging";

CopyEncoder::Layout layout_of(const sql::TableDefinition& target) {
  CopyEncoder::Layout layout;
  for (const std::string& column : target.key) layout.keys.push_back(target.columns.at(column));
  layout.ordinal = !target.key.empty();
  return layout;
}

std::string unused_name(const etl::Schema& schema) {
  std::string name = "etl_ordinal";
  while (schema.find(name)) name += "_";
  return name;
}

}  // namespace

PostgresWriter::PostgresWriter(ConnectionPool::Lease lease, sql::TableDefinition target,
                               const etl::WriteRequest& request, etl::HeldMemory held)
    : lease_(std::move(lease)),
      target_(std::move(target)),
      ledger_(*lease_, define_ledger(target_.schema)),
      ordinal_(unused_name(target_.columns)),
      doing_("copying into table " + target_.shown),
      encoder_(layout_of(target_)),
      held_(std::move(held)) {
  // Whatever the database's default: the fence must wait for another run and then see its record.
  lease_->run("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  replace_ = sql::make_way(ledger_, target_, request);
}

void PostgresWriter::write(const etl::Batch& batch) {
  if (batch.rows() == 0) return;
  if (!copying_) start_copy();
  encoder_.take(batch);
  while (encoder_.encode(buffer_, send_bytes)) send(send_bytes);
  send(send_bytes);
  held_.set(static_cast<std::int64_t>(buffer_.capacity()));
}

void PostgresWriter::commit(const etl::LedgerRecord& record) {
  if (copying_) {
    end_copy();
    if (upserts()) merge();
  }
  ledger_.commit(record, replace_);
  lease_->commit();
}

void PostgresWriter::start_copy() {
  std::string into = target_.sql_name();
  std::string columns = sql::column_list(target_.columns);
  if (upserts()) {
    lease_->run("creating a temporary table", "CREATE TEMPORARY TABLE " + std::string(staging) +
                                                  " ON COMMIT DROP AS SELECT " + columns +
                                                  ", 0::bigint AS " + sql::quoted(ordinal_) +
                                                  " FROM " + into + " WITH NO DATA");
    into = staging;
    columns += ", " + sql::quoted(ordinal_);
  }
  lease_->start_copy(doing_, "COPY " + into + " (" + columns + ") FROM STDIN (FORMAT binary)");
  copying_ = true;
  CopyEncoder::begin(buffer_);
}

void PostgresWriter::end_copy() {
  CopyEncoder::end(buffer_);
  send(0);
  const std::int64_t stored = lease_->end_copy(doing_);
  if (stored != encoder_.rows()) {
    throw etl::Error::permanent(doing_ + ": the server stored " + std::to_string(stored) + " of " +
                                std::to_string(encoder_.rows()) +
                                " rows: a trigger of the table may drop some");
  }
}

// Later rows win; within the partition, by their ordinal. Merges in the order of the key, so that two
// runs with the same keys wait for each other instead of deadlocking.
void PostgresWriter::merge() {
  const std::string columns = sql::column_list(target_.columns);
  const std::string key = sql::column_list(target_.key);
  lease_->run("merging into table " + target_.shown,
              "INSERT INTO " + target_.sql_name() + " (" + columns + ") SELECT DISTINCT ON (" +
                  key + ") " + columns + " FROM " + std::string(staging) + " ORDER BY " + key +
                  ", " + sql::quoted(ordinal_) + " DESC" + target_.dialect->upsert(target_, ""));
}

void PostgresWriter::send(std::size_t bytes_min) {
  if (buffer_.size() < bytes_min) return;
  lease_->send_copy(doing_, buffer_.bytes());
  buffer_.clear();
}

}  // namespace postgres
