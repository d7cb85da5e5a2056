/// \file
/// A loop of prepared inserts over parsed rows in memory, which measures the cost of SQLite alone. Prints
/// the seconds of the loop, from BEGIN to the end of COMMIT.
#include "inserts.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: baseline_sqlite_inserts DATABASE FILE\n", stderr);
    return 64;
  }
  try {
    using namespace baseline;
    std::string text;
    for_each_line(argv[2], "", [&](std::string_view line) { text.append(line).push_back('\n'); });
    std::vector<Row> rows;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      rows.push_back(split(std::string_view(text).substr(at, end - at)));
      at = end + 1;
    }
    const std::string hour = hour_text(hour_of(argv[2]));
    Inserts database(argv[1]);

    const auto start = std::chrono::steady_clock::now();
    database.begin();
    for (const Row& row : rows) database.add(hour, row);
    database.commit();
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    std::printf("%.6f\n", spent.count());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
