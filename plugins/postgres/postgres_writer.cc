#include "postgres_writer.hpp"

#include <array>
#include <utility>

namespace postgres {
namespace {

// Large enough that the cost of a call is lost, small enough for the cache.
constexpr std::size_t send_bytes = std::size_t{1} << 20;

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

// The scope's value as a parameter for its column. Nothing when the column cannot be one of a
// scope.
std::optional<Param> scope_value(const etl::Scope& scope, const etl::Field& field) {
  const auto* number = std::get_if<std::int64_t>(&scope.value);
  if (etl::is_text(field.type)) {
    // The boundary carries an empty text as the number 0.
    return Param::text(number != nullptr ? std::string_view{} : std::get<std::string>(scope.value));
  }
  if (number == nullptr) return std::nullopt;
  switch (field.type) {
    case etl::Type::int32:
    case etl::Type::int64:
      return Param::integer(*number);
    case etl::Type::timestamp_us:
      return Param::timestamp(*number);
    case etl::Type::timestamp_s: {
      std::int64_t microseconds = 0;
      if (__builtin_mul_overflow(*number, std::int64_t{1'000'000}, &microseconds))
        return std::nullopt;
      return Param::timestamp(microseconds);
    }
    default:
      return std::nullopt;
  }
}

[[noreturn]] void refuse_reload(const TableName& table, const etl::WriteRequest& request,
                                const std::string& why) {
  throw etl::Error::permanent("cannot replace partition \"" + request.partition.id +
                              "\" in table " + table.shown() + ": " + why +
                              "; nothing was changed");
}

}  // namespace

PostgresWriter::PostgresWriter(ConnectionPool::Lease lease, TableDefinition target,
                               const etl::WriteRequest& request)
    : lease_(std::move(lease)),
      target_(std::move(target)),
      ledger_(target_.name.schema),
      ordinal_(unused_name(target_.schema)),
      doing_("copying into table " + target_.name.shown()),
      encoder_(layout_of(target_)) {
  // Whatever the database's default: the fence is to wait for another run and then see its record.
  lease_->run("beginning a transaction", "BEGIN ISOLATION LEVEL READ COMMITTED");
  const auto earlier = ledger_.find(*lease_, request, request.reload);
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
  const etl::Scope& scope = request.partition.scope;
  const auto column = scope.column.empty() ? std::nullopt : target_.schema.find(scope.column);
  const auto value = column ? scope_value(scope, target_.schema[*column]) : std::nullopt;
  if (!value) {
    if (upserts() || earlier.rows_written == 0) return;
    refuse_reload(
        target_.name, request,
        "no column tells its " + std::to_string(earlier.rows_written) +
            " rows from others. Delete them and the partition's row of etl_ledger yourself");
  }
  const std::array params = {*value};
  const std::string from =
      " FROM " + target_.name.sql() + " WHERE " + quoted(scope.column) + " = $1";
  const std::string doing = "removing the earlier rows from table " + target_.name.shown();
  if (upserts()) {
    // Rows that later partitions have replaced, or that others share, stay: the key finds them
    // again.
    if (lease_->run(doing, "SELECT count(*)" + from, params).integer(0, 0) != earlier.rows_written)
      return;
  }
  const std::int64_t removed = lease_->run(doing, "DELETE" + from, params).affected();
  if (removed != earlier.rows_written) {
    refuse_reload(target_.name, request,
                  std::to_string(removed) + " rows have its value of column \"" + scope.column +
                      "\", but it wrote " + std::to_string(earlier.rows_written) +
                      ". Others write there too, or rows were changed since");
  }
}

void PostgresWriter::write(const etl::Batch& batch) {
  if (batch.rows() == 0) return;
  if (!copying_) start_copy();
  encoder_.take(batch);
  while (encoder_.encode(buffer_, send_bytes)) send(send_bytes);
  send(send_bytes);
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
