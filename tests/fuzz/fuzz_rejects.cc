// Files of rejects: any bytes can be read, entries are read back as written, and no record extends
// beyond its line.
//
// Input: the text of a file, or a zero byte and the raw bytes of a record.
#include "core/runtime/rejects/reject_entry.hpp"
#include "fuzz.hpp"

#include <etl/error.hpp>

namespace {

using namespace etl::runtime;

void check_entry(const RejectEntry& entry, std::string_view what) {
  const std::string line = reject_line(entry);
  fuzz::require(line.find('\n') == std::string::npos, "more than a line", line);
  fuzz::require(parse_reject(line) == entry, "read otherwise than it was written", what);
}

void check_file(std::string_view text) {
  std::size_t last = 0;
  read_rejects(text, [&](const RejectRecord& record) {
    fuzz::require(record.number > last, "lines out of order");
    last = record.number;
    fuzz::require(record.line.data() >= text.data() &&
                      record.line.data() + record.line.size() <= text.data() + text.size(),
                  "a line from somewhere else");
    fuzz::require(record.entry.has_value() == record.error.empty(),
                  "neither an entry nor a reason why not", record.line);
    if (record.entry) check_entry(*record.entry, record.line);
  });
}

void check_raw(std::string_view raw) {
  RejectEntry entry;
  entry.key = {"pipeline", "source", "partition"};
  entry.run_id = "run";
  entry.stage = "source";
  entry.reason = "reason";
  entry.raw = raw;
  check_entry(entry, raw);
  entry.line = 1;
  entry.offset = 0;
  check_entry(entry, raw);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with('\0')) check_raw(input.substr(1));
  else check_file(input);
  return 0;
}
