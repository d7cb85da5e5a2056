#include "plugins/postgres/connection/connection.hpp"

#include "plugins/postgres/connection/sqlstate.hpp"

#include <poll.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <future>
#include <thread>
#include <utility>
#include <vector>

namespace postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int tick_ms = 100;
constexpr std::chrono::milliseconds patience{5000};
constexpr std::chrono::seconds cancel_request_limit{1};
constexpr std::size_t copy_message_bytes_max = std::size_t{1} << 20;

// Object identifiers of built-in types never change: src/include/catalog/pg_type.dat.
constexpr Oid oid_int8 = 20;
constexpr Oid oid_text = 25;
constexpr Oid oid_timestamptz = 1184;

std::int64_t to_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) {
    throw etl::Error::permanent("the server answered \"" + std::string(text) +
                                "\" instead of an integer");
  }
  return number;
}

bool is_failure(const Result& result) {
  const auto status = PQresultStatus(result.get());
  return status != PGRES_EMPTY_QUERY && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
         status != PGRES_COPY_IN;
}

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view{} : std::string_view{text};
}

// The server's error in one line: message, detail, hint, context, SQLSTATE.
std::string describe(const PGresult* result) {
  const std::string_view message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (message.empty()) {  // libpq's own error, whose later lines guess at the cause
    const std::string_view words = PQresultErrorMessage(result);
    return one_line(words.substr(0, words.find('\n')));
  }
  std::string text(message);
  constexpr std::pair<int, std::string_view> parts[] = {{PG_DIAG_MESSAGE_DETAIL, "detail"},
                                                        {PG_DIAG_MESSAGE_HINT, "hint"},
                                                        {PG_DIAG_CONTEXT, "context"}};
  for (const auto& [code, label] : parts) {
    if (std::string_view part = field(result, code); !part.empty()) {
      if (part.ends_with('.')) part.remove_suffix(1);
      text.append("; ").append(label).append(": ").append(one_line(part));
    }
  }
  return text.append(" [").append(field(result, PG_DIAG_SQLSTATE)).append("]");
}

// A parameter with its type, so that the server needs no cast and guesses nothing.
struct Parameter {
  Oid type = 0;
  bool binary = false;
  bool null = false;
  std::string bytes;

  explicit Parameter(const sql::Value& value) {
    std::visit([this](const auto& alternative) { set(alternative); }, value);
  }

 private:
  void set(std::nullptr_t) { null = true; }
  void set(std::int64_t number) {
    type = oid_int8;
    bytes = std::to_string(number);
  }
  // Binary: text format would end at a NUL byte, which the server is to see and refuse.
  void set(const std::string& text) {
    type = oid_text;
    binary = true;
    bytes = text;
  }
  void set(sql::Time time) {
    const auto server_time = to_server_time(time.micros);
    if (!server_time) {
      throw etl::Error::permanent("the time " + std::to_string(time.micros) +
                                  " us since 1970 is outside PostgreSQL's range");
    }
    type = oid_timestamptz;
    binary = true;
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(static_cast<std::uint64_t>(*server_time) >> shift & 0xFFU);
    }
  }
};

// A row of a result that outlives it.
class ResultRow final : public sql::Row {
 public:
  ResultRow(const Result& result, int row) : result_(result), row_(row) {}
  [[nodiscard]] bool null(int column) const override { return result_.null(row_, column); }
  [[nodiscard]] std::int64_t integer(int column) const override {
    return result_.integer(row_, column);
  }
  [[nodiscard]] std::string_view text(int column) const override {
    return result_.text(row_, column);
  }

 private:
  const Result& result_;
  int row_;
};

}  // namespace

std::int64_t Result::integer(int row, int column) const { return to_integer(text(row, column)); }

std::int64_t Result::affected() const {
  const std::string_view number = PQcmdTuples(result_.get());
  return number.empty() ? 0 : to_integer(number);
}

// MIN_TIMESTAMP in the server's datatype/timestamp.h, 4714-11-24 BC. Its other bound, the year
// 294276, lies beyond what 64 bits of microseconds since 1970 can say.
std::optional<std::int64_t> to_server_time(std::int64_t microseconds) {
  constexpr std::int64_t epoch_2000 = 946'684'800'000'000;
  constexpr std::int64_t first = -211'813'488'000'000'000;
  std::int64_t time = 0;
  if (__builtin_sub_overflow(microseconds, epoch_2000, &time) || time < first) return std::nullopt;
  return time;
}

/// Delays cancellation in its lifetime: for statements that end at once if the server is well, and
/// whose outcome matters.
class Connection::Grace {
 public:
  explicit Grace(Connection& connection) : connection_(connection) { set(patience); }
  ~Grace() { set(std::chrono::milliseconds(0)); }
  Grace(const Grace&) = delete;
  Grace& operator=(const Grace&) = delete;

 private:
  void set(std::chrono::milliseconds grace) {
    connection_.cancel_grace_ = grace;
    connection_.cancelled_at_.reset();
  }
  Connection& connection_;
};

Connection::TimeLimit::TimeLimit(Connection& connection, std::chrono::milliseconds limit)
    : connection_(connection) {
  connection_.cancel_grace_ = limit;
  connection_.cancelled_at_.reset();
  connection_.deadline_ = Clock::now() + limit;
}

Connection::TimeLimit::~TimeLimit() {
  connection_.cancel_grace_ = std::chrono::milliseconds(0);
  connection_.cancelled_at_.reset();
  connection_.deadline_.reset();
}

Connection::Connection(const Dsn& dsn, const etl::Context& context)
    : context_(context),
      redactor_(dsn.redactor()),
      handle_(connect(dsn, context, &Connection::on_notice, this)),
      queue_(context, 0) {
  if (const char* password = PQpass(handle_.get())) redactor_.add(password);
  if (PQsetnonblocking(handle_.get(), 1) != 0) {
    throw etl::Error::transient(redactor_.scrub(one_line(PQerrorMessage(handle_.get()))));
  }
}

Connection::~Connection() = default;

Result Connection::run(std::string_view doing, const std::string& text,
                       std::span<const sql::Value> params) {
  send(doing, text, params);
  return await(doing);
}

std::int64_t Connection::query(std::string_view doing, const std::string& text,
                               std::span<const sql::Value> params, const OnRow& on_row) {
  const Result result = run(doing, text, params);
  if (!on_row) return result.affected();
  for (int row = 0; row < result.rows(); ++row) on_row(ResultRow(result, row));
  return 0;
}

void Connection::commit() {
  constexpr std::string_view doing = "committing";
  constexpr const char* unknown =
      "; whether the partition was committed is unknown until etl_ledger is read again";
  check_cancelled();  // while nothing is lost by it
  const Grace grace(*this);
  try {
    const Result result = run(doing, "COMMIT");
    if (result.tag() != "COMMIT") {  // what the server answers in a failed transaction
      throw etl::Error::permanent("committing: the server rolled back instead");
    }
  } catch (const etl::Error& error) {
    if (error.code() == etl::Code::cancelled) {
      throw etl::Error(error.code(), error.message() + unknown);
    }
    if (!alive()) throw etl::Error::transient(error.message() + unknown);
    throw;
  }
}

void Connection::start_copy(std::string_view doing, const std::string& text) {
  send(doing, text, {});
  const Result result = await(doing);
  if (PQresultStatus(result.get()) != PGRES_COPY_IN) {
    throw etl::Error::permanent(std::string(doing) + ": the server did not accept rows");
  }
}

void Connection::send_copy(std::string_view doing, std::span<const char> bytes) {
  while (!bytes.empty()) {
    check_cancelled();
    const auto part = bytes.first(std::min(bytes.size(), copy_message_bytes_max));
    const int queued = PQputCopyData(handle_.get(), part.data(), static_cast<int>(part.size()));
    if (queued < 0) fail_lost(doing);
    if (queued > 0) bytes = bytes.subspan(part.size());
    note_queue(part.size());
    flush(doing);
  }
}

// libpq doubles its buffer until the largest message fits, and keeps it.
void Connection::note_queue(std::size_t message) {
  constexpr std::size_t header = 5;
  if (message + header <= queue_bytes_) return;
  queue_bytes_ = std::bit_ceil(message + header);
  queue_.set(static_cast<std::int64_t>(queue_bytes_));
}

std::int64_t Connection::end_copy(std::string_view doing) {
  int queued = 0;
  while ((queued = PQputCopyEnd(handle_.get(), nullptr)) == 0) flush(doing);
  if (queued < 0) fail_lost(doing);
  flush(doing);
  return await(doing).affected();
}

bool Connection::make_idle() noexcept {
  if (!alive()) return false;
  const PGTransactionStatusType status = PQtransactionStatus(handle_.get());
  if (status == PQTRANS_IDLE) return true;
  if (status != PQTRANS_INTRANS && status != PQTRANS_INERROR) return false;
  try {
    const Grace grace(*this);
    run("rolling back", "ROLLBACK");
    return PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
  } catch (...) {
    return false;
  }
}

void Connection::send(std::string_view doing, const std::string& text,
                      std::span<const sql::Value> params) {
  check_cancelled();
  if (!handle_) throw etl::Error::transient(std::string(doing) + ": the connection is closed");
  int sent = 0;
  if (params.empty()) {
    sent = PQsendQuery(handle_.get(), text.c_str());
  } else {
    const std::vector<Parameter> encoded(params.begin(), params.end());
    std::vector<Oid> types;
    std::vector<const char*> values;
    std::vector<int> sizes, formats;
    for (const Parameter& param : encoded) {
      types.push_back(param.type);
      values.push_back(param.null ? nullptr : param.bytes.c_str());
      sizes.push_back(static_cast<int>(param.bytes.size()));
      formats.push_back(param.binary ? 1 : 0);
    }
    sent = PQsendQueryParams(handle_.get(), text.c_str(), static_cast<int>(params.size()),
                             types.data(), values.data(), sizes.data(), formats.data(), 0);
  }
  if (sent == 0) fail_lost(doing);
}

Result Connection::await(std::string_view doing) {
  std::optional<Result> kept;
  while (true) {
    await_input();
    PGresult* next = PQgetResult(handle_.get());
    if (next == nullptr) break;
    Result result(next);
    if (PQresultStatus(next) == PGRES_COPY_IN) return result;
    // The first failure is the cause; a lost connection adds another.
    if (!kept || (is_failure(result) && !is_failure(*kept))) kept = std::move(result);
  }
  if (!kept) {
    throw etl::Error::transient(std::string(doing) + ": " +
                                redactor_.scrub(one_line(PQerrorMessage(handle_.get()))));
  }
  if (is_failure(*kept)) fail(doing, kept->get());
  return *std::move(kept);
}

// Waits until PQgetResult() will not block. PQgetResult() then reports a lost connection.
void Connection::await_input() {
  while (PQisBusy(handle_.get()) != 0) {
    const int pending = PQflush(handle_.get());
    tick(static_cast<short>(pending > 0 ? POLLIN | POLLOUT : POLLIN));
    if (PQconsumeInput(handle_.get()) == 0) return;
  }
}

// Sends the queue. Reads meanwhile: a server whose notices are not read stops reading itself.
void Connection::flush(std::string_view doing) {
  while (true) {
    const int pending = PQflush(handle_.get());
    if (pending < 0 || !alive()) fail_lost(doing);
    if (pending == 0) return;
    tick(POLLIN | POLLOUT);
    if (PQconsumeInput(handle_.get()) == 0) fail_lost(doing);
  }
}

void Connection::tick(short events) {
  check_cancelled();
  if (deadline_ && Clock::now() >= *deadline_) {
    close();
    throw etl::Error::transient("the server did not answer in time");
  }
  pollfd waiting{PQsocket(handle_.get()), events, 0};
  poll(&waiting, 1, tick_ms);
}

void Connection::check_cancelled() {
  if (!context_.cancelled()) return;
  const auto now = Clock::now();
  if (!cancelled_at_) cancelled_at_ = now;
  if (now - *cancelled_at_ < cancel_grace_) return;
  close();
  throw etl::Error::cancelled();
}

// Closing the socket is not enough: a server that waits for a lock would not notice. PQcancel() has
// no time limit, so it runs on a thread that owns its data and may outlive the connection.
void Connection::close() noexcept {
  if (handle_ && PQtransactionStatus(handle_.get()) == PQTRANS_ACTIVE) {
    try {
      const std::shared_ptr<PGcancel> request(PQgetCancel(handle_.get()), &PQfreeCancel);
      std::packaged_task<void()> task([request] {
        char reason[256];
        if (request) PQcancel(request.get(), reason, sizeof(reason));
      });
      const std::future<void> sent = task.get_future();
      std::thread(std::move(task)).detach();
      sent.wait_for(cancel_request_limit);
      // NOLINTNEXTLINE(bugprone-empty-catch): no memory or no thread; the socket is closed anyway
    } catch (...) {
    }
  }
  handle_.reset();
}

void Connection::fail(std::string_view doing, const PGresult* result) const {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  // libpq's own errors have no SQLSTATE: a lost connection, or a lack of memory.
  const etl::Code code = sqlstate.empty() ? etl::Code::transient : code_of(sqlstate);
  std::string message = std::string(doing) + ": " + describe(result);
  if (sqlstate.empty() && !farewell_.empty()) message += ": " + farewell_;
  throw etl::Error(code, redactor_.scrub(message));
}

// After a failed call of libpq. The server's own reason, if it has arrived, is better than libpq's.
void Connection::fail_lost(std::string_view doing) {
  const std::string reason = one_line(PQerrorMessage(handle_.get()));
  if (alive()) PQconsumeInput(handle_.get());
  await(doing);
  throw etl::Error::transient(redactor_.scrub(std::string(doing) + ": " + reason));
}

// In the middle of a COPY, libpq delivers the server's FATAL error as a notice too.
void Connection::on_notice(void* self, const PGresult* notice) noexcept {
  try {
    auto* connection = static_cast<Connection*>(self);
    const std::string text = describe(notice);
    if (field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) == "FATAL") connection->farewell_ = text;
    connection->context_.debug(connection->redactor_.scrub("server: " + text));
  } catch (...) {  // NOLINT(bugprone-empty-catch): a notice that cannot be logged is dropped
  }
}

}  // namespace postgres
