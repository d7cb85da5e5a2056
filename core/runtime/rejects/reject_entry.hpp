/// \file
/// One rejected record as it is kept: a JSON object on a line of its own.
///
///     {"pipeline":"words","run_id":"20240301T...","source":"words","partition":"monday.txt",
///      "stage":"words","line":17,"offset":231,"reason":"no tab","raw":"twenty"}
///
/// `line` counts from 1, `offset` is that of the record's first byte in the decoded input; null
/// where it is not known. `raw` has the record's bytes without their terminator; where they are not
/// UTF-8, `raw_base64` (RFC 4648) stands in its place. Keys come in this order; a reader takes any
/// order, and passes over keys it does not know.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Where a partition's rejects belong.
struct RejectKey {
  std::string pipeline, source, partition;
  // NOLINTNEXTLINE(modernize-use-nullptr): it takes the defaulted comparison for a 0
  auto operator<=>(const RejectKey&) const = default;
};

struct RejectEntry {
  RejectKey key;
  std::string run_id;
  std::string stage;                   ///< that rejected it: the source or a filter
  std::optional<std::int64_t> line;    ///< from 1
  std::optional<std::int64_t> offset;  ///< in bytes, from 0
  std::string reason;
  std::string raw;  ///< any bytes
  bool operator==(const RejectEntry&) const = default;
};

/// The entry as a line, without a line feed. Texts that are not UTF-8 are made so, but for `raw`,
/// which is kept byte by byte.
[[nodiscard]] std::string reject_line(const RejectEntry& entry);

/// The entry of a line. Throws Error (permanent) that says why it is none, without the line.
[[nodiscard]] RejectEntry parse_reject(std::string_view line);

/// Calls `each` with every line of a text, without its line feed, and with the number of bytes in
/// front of it. Blank lines are passed over; the last line needs no line feed.
void each_line(std::string_view text,
               const std::function<void(std::string_view line, std::size_t offset)>& each);

/// What a file of rejects holds; lines that are no entries are kept as they are.
struct RejectRecord {
  std::size_t number = 0;  ///< of the line in the file, from 1
  std::string_view line;
  std::optional<RejectEntry> entry;
  std::string error;  ///< why there is no entry
};
/// Reads any bytes. The views are into `text`.
void read_rejects(std::string_view text, const std::function<void(RejectRecord)>& each);

}  // namespace etl::runtime
