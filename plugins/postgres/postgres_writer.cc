#include "plugins/postgres/postgres_writer.hpp"

#include "plugins/common/sql/earlier_load.hpp"
#include "plugins/postgres/tables.hpp"

#include <utility>

namespace postgres {
namespace {

// Large enough to make the cost of a call negligible; small enough for several messages to fit into
// the socket's buffer, since the server parses a message's rows only after its last byte.
constexpr std::size_t send_bytes = std::size_t{64} << 10;

// Whatever the database's default: the fence must wait for another run and then see its record. The
// lock is the one that writing takes; it keeps the table as it is found here. Of a partitioned
// table it leaves the partitions alone, so that old ones can be dropped.
ServerTable begin(Connection& connection, const sql::TableDefinition& table) {
  connection.run("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  connection.run("locking table " + table.shown,
                 "LOCK TABLE ONLY " + table.sql_name() + " IN ROW EXCLUSIVE MODE");
  if (std::optional<ServerTable> found = read_table(connection, table)) return *std::move(found);
  throw etl::Error::permanent("table " + table.shown + " was dropped or renamed during the run");
}

}  // namespace

PostgresWriter::PostgresWriter(ConnectionPool::Lease lease, sql::TableDefinition target,
                               const etl::WriteRequest& request, etl::HeldMemory held)
    : lease_(std::move(lease)),
      target_(std::move(target)),
      table_(begin(*lease_, target_)),
      ledger_(*lease_, define_ledger(target_.schema)),
      replace_(sql::make_way(ledger_, target_, request)),
      doing_("copying into table " + target_.shown),
      encoder_(layout()),
      held_(std::move(held)) {}

CopyEncoder::Layout PostgresWriter::layout() const {
  CopyEncoder::Layout layout{{}, table_.lengths, is_staged()};
  for (std::size_t column = 0; column < target_.columns.size(); ++column) {
    if (target_.needs_value(target_.columns[column].name)) layout.not_null.push_back(column);
  }
  return layout;
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
    if (staging_) staging_->move_rows();
  }
  ledger_.commit(record, replace_);
  lease_->commit();
}

void PostgresWriter::start_copy() {
  if (is_staged()) staging_.emplace(*lease_, target_, table_.triggers);
  const std::string into =
      staging_ ? staging_->copy_target()
               : target_.sql_name() + " (" + sql::column_list(target_.columns) + ")";
  lease_->start_copy(doing_, "COPY " + into + " FROM STDIN (FORMAT binary)");
  copying_ = true;
  CopyEncoder::begin(buffer_);
}

void PostgresWriter::end_copy() {
  CopyEncoder::end(buffer_);
  send(0);
  const std::int64_t stored = lease_->end_copy(doing_);
  if (stored != encoder_.rows()) {
    throw etl::Error::permanent(doing_ + ": the server stored " + std::to_string(stored) + " of " +
                                std::to_string(encoder_.rows()) + " rows");
  }
}

void PostgresWriter::send(std::size_t bytes_min) {
  if (buffer_.size() < bytes_min) return;
  lease_->send_copy(doing_, buffer_.bytes());
  buffer_.clear();
}

}  // namespace postgres
