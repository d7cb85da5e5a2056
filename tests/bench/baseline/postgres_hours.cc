/// \file
/// A hand-written program that loads hour files into PostgreSQL: every thread has a connection, inflates
/// a file, keeps the lines of one domain code and sends them as binary COPY, one transaction per hour. It
/// has no ledger, no retries and no checks of the lines.
#include "hour_lines.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace baseline;

class Copy {
 public:
  explicit Copy(const char* dsn) : connection_(PQconnectdb(dsn), &PQfinish) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) fail();
  }

  void run(const char* sql, ExecStatusType wanted) {
    const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_.get(), sql),
                                                                &PQclear);
    if (PQresultStatus(result.get()) != wanted) fail();
  }

  void load(const std::string& path, std::string_view prefix) {
    constexpr std::size_t enough = std::size_t{1} << 20;
    constexpr std::int64_t seconds_to_2000 = 946'684'800;
    const std::int64_t hour = (std::int64_t{hour_of(path)} - seconds_to_2000) * 1'000'000;
    run("COPY pageviews FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
    bytes_.assign("PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0", 19);
    for_each_line(path, prefix, [&](std::string_view line) {
      const Row row = split(line);
      number<std::uint16_t>(4);
      field(static_cast<std::uint64_t>(hour));
      field(row.code);
      field(row.title);
      field(static_cast<std::uint64_t>(row.views));
      if (bytes_.size() >= enough) send();
    });
    bytes_.append("\xFF\xFF", 2);
    send();
    if (PQputCopyEnd(connection_.get(), nullptr) != 1) fail();
    while (PGresult* const result = PQgetResult(connection_.get())) {
      const bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
      PQclear(result);
      if (!good) fail();
    }
  }

 private:
  template <class T>
  void number(T value) {
    if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void field(std::uint64_t value) {
    number<std::uint32_t>(sizeof(value));
    number(value);
  }
  void field(std::string_view text) {
    number(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  }
  void send() {
    if (PQputCopyData(connection_.get(), bytes_.data(), static_cast<int>(bytes_.size())) != 1)
      fail();
    bytes_.clear();
  }
  [[noreturn]] void fail() { throw std::runtime_error(PQerrorMessage(connection_.get())); }

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  std::string bytes_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: baseline_postgres_hours DSN CODE|- THREADS FILE...\n", stderr);
    return 64;
  }
  try {
    Copy(argv[1]).run(
        "CREATE TABLE pageviews (hour timestamptz NOT NULL, domain_code text NOT NULL, "
        "title text NOT NULL, views bigint NOT NULL)",
        PGRES_COMMAND_OK);
    const std::string prefix = prefix_of(argv[2]);
    const std::vector<std::string> files(argv + 4, argv + argc);
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      try {
        Copy copy(argv[1]);
        for (std::size_t at = next++; at < files.size(); at = next++) copy.load(files[at], prefix);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        std::_Exit(1);
      }
    };
    std::vector<std::thread> threads;
    for (int i = 1; i < std::atoi(argv[3]); ++i) threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
