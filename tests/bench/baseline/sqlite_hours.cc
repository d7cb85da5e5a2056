/// \file
/// A hand-written program for the main job only: threads inflate hour files, keep the lines of one
/// domain code, and insert them row by row, one transaction per hour. It has no ledger, no retries and
/// no checks of the lines.
#include "inserts.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace baseline;

/// The selected lines of an hour, contiguous in memory.
struct Lines {
  std::string text;
  std::vector<std::size_t> ends;

  void read(const std::string& path, std::string_view prefix) {
    text.clear();
    ends.clear();
    for_each_line(path, prefix, [&](std::string_view line) {
      text += line;
      ends.push_back(text.size());
    });
  }
};

void load(const std::string& path, std::string_view prefix, Lines& lines, Inserts& database,
          std::mutex& one_writer) {
  lines.read(path, prefix);
  const std::string hour = hour_text(hour_of(path));
  const std::scoped_lock lock(one_writer);
  database.begin();
  std::size_t begin = 0;
  for (const std::size_t end : lines.ends) {
    database.add(hour, split(std::string_view(lines.text).substr(begin, end - begin)));
    begin = end;
  }
  database.commit();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: baseline_sqlite_hours DATABASE CODE|- THREADS FILE...\n", stderr);
    return 64;
  }
  try {
    Inserts database(argv[1]);
    const std::string prefix = prefix_of(argv[2]);
    const std::vector<std::string> files(argv + 4, argv + argc);
    std::mutex one_writer;
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      try {
        Lines lines;
        for (std::size_t at = next++; at < files.size(); at = next++) {
          load(files[at], prefix, lines, database, one_writer);
        }
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
