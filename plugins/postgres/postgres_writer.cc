#include "postgres_writer.hpp"

#include "partition_rows.hpp"

#include <utility>

namespace postgres {
namespace {

// Large enough that the cost of a call is lost. The server reads a message to its end before it
// looks at a row: several fit into the socket's buffer, so that the next one is there when it is
// through.
constexpr std::size_t send_bytes = std::size_t{64} << 10;

// A session has one partition at a time, and a temporary table is its own: the name need not vary.
constexpr std::string_view staging = "pg_temp.etl_staging";

CopyEncoder::Layout layout_of(const TableDefinition& target) {
  CopyEncoder::Layout layout;
  for (const std::string& column : target.key) layout.keys.push_back(target.schema.at(column));
  layout.ordinal = !target.key.empty();
  return layout;
}

std::string unused_name(const etl::Schema& schema) {
  std::string name = "etl_ordinal";
  while (schema.find(name)) name += "_";
  return name;
}

[[noreturn]] void refuse_reload(const TableName& table, const etl::WriteRequest& request,
                                const std::string& why) {
  throw etl::Error::permanent("cannot replace partition \"" + request.partition.id +
                              "\" in table " + table.shown() + ": " + why +
                              ". Nothing was changed; delete them yourself, and forget the "
                              "partition (etl state), which removes its row of etl_ledger");
}

}  // namespace

PostgresWriter::PostgresWriter(ConnectionPool::Lease lease, TableDefinition target,
                               const etl::WriteRequest& request, etl::HeldMemory held)
    : lease_(std::move(lease)),
      target_(std::move(target)),
      ledger_(target_.name.schema),
      ordinal_(unused_name(target_.schema)),
      doing_("copying into table " + target_.name.shown()),
      encoder_(layout_of(target_)),
      held_(std::move(held)) {
  // Whatever the database's default: the fence is to wait for another run and then see its record.
  lease_->run("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  const auto earlier =
      ledger_.find(*lease_, {request.pipeline, request.source, request.sink, request.partition.id},
                   request.reload);
  if (!earlier || earlier->state != etl::State::done) return;
  if (!request.reload) {
    throw etl::Error::conflict("partition \"" + request.partition.id +
                               "\" is done already, by run " + earlier->run_id);
  }
  remove_earlier(request, *earlier);
  replace_ = LedgerTable::Replace::all;
}

void PostgresWriter::remove_earlier(const etl::WriteRequest& request,
                                    const LedgerTable::Entry& earlier) {
  const RemovedRows removed = remove_rows(*lease_, target_, request.partition, earlier.rows_written,
                                          upserts() ? IfRefused::keep : IfRefused::roll_back);
  // With a key, rows that later partitions have replaced, or that others share, stay: the key finds
  // them again.
  if (!removed.refused.empty() && !upserts()) {
    refuse_reload(target_.name, request, removed.refused);
  }
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
  if (!ledger_.write(*lease_, record, replace_)) {
    throw etl::Error::conflict(
        "partition \"" + record.partition +
        "\" was committed by another run meanwhile; this one was rolled back");
  }
  lease_->commit();
}

void PostgresWriter::start_copy() {
  std::string into = target_.name.sql();
  std::string columns = column_list(target_.schema);
  if (upserts()) {
    lease_->run("creating a temporary table", "CREATE TEMPORARY TABLE " + std::string(staging) +
                                                  " ON COMMIT DROP AS SELECT " + columns +
                                                  ", 0::bigint AS " + quoted(ordinal_) + " FROM " +
                                                  into + " WITH NO DATA");
    into = staging;
    columns += ", " + quoted(ordinal_);
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
                                " rows: does a trigger drop some?");
  }
}

// Later rows win, within the partition by their ordinal. In the order of the key, so that two runs
// which meet wait for each other instead of deadlocking.
void PostgresWriter::merge() {
  const std::string columns = column_list(target_.schema);
  const std::string key = column_list(target_.key);
  std::string changes;
  for (const etl::Field& field : target_.schema) {
    if (std::ranges::find(target_.key, field.name) != target_.key.end()) continue;
    changes +=
        (changes.empty() ? "" : ", ") + quoted(field.name) + " = EXCLUDED." + quoted(field.name);
  }
  lease_->run("merging into table " + target_.name.shown(),
              "INSERT INTO " + target_.name.sql() + " (" + columns + ") SELECT DISTINCT ON (" +
                  key + ") " + columns + " FROM " + std::string(staging) + " ORDER BY " + key +
                  ", " + quoted(ordinal_) + " DESC ON CONFLICT (" + key + ") DO " +
                  (changes.empty() ? "NOTHING" : "UPDATE SET " + changes));
}

void PostgresWriter::send(std::size_t bytes_min) {
  if (buffer_.size() < bytes_min) return;
  lease_->send_copy(doing_, buffer_.bytes());
  buffer_.clear();
}

}  // namespace postgres
