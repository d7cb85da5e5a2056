/// \file
/// A rejected record and its line in a file of rejects, a JSON object:
///
///     {"pipeline":"words","run_id":"20240301T...","source":"words","partition":"monday.txt",
///      "stage":"words","line":17,"offset":231,"reason":"no tab","raw":"twenty"}
///
/// `line` counts from 1; `offset` is the position of the record's first byte in the decoded input;
/// both are null if unknown. `raw` holds the record's bytes without terminator, or `raw_base64`
/// (RFC 4648) if they are not UTF-8. Keys are written in this order, and read in any; unknown keys
/// are ignored.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace etl::runtime {

/// Identifies a partition whose records were rejected.
struct RejectKey {
  std::string pipeline, source, partition;
  // NOLINTNEXTLINE(modernize-use-nullptr): a false positive in the defaulted comparison
  auto operator<=>(const RejectKey&) const = default;
};

struct RejectEntry {
  RejectKey key;
  std::string run_id;
  std::string stage;                   ///< the source or filter that rejected the record
  std::optional<std::int64_t> line;    ///< from 1
  std::optional<std::int64_t> offset;  ///< in bytes, from 0
  std::string reason;
  std::string raw;  ///< any bytes
  bool operator==(const RejectEntry&) const = default;
};

/// Base64 (RFC 4648, section 4), with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);
/// Throws std::invalid_argument if the length or a character is invalid.
[[nodiscard]] std::string from_base64(std::string_view text);

/// Formats the entry as a line, without line feed. Replaces invalid UTF-8 except in `raw`, whose
/// bytes are kept.
[[nodiscard]] std::string reject_line(const RejectEntry& entry);

/// Parses a line. Throws Error (permanent) with the reason if it is not an entry; the message does
/// not quote the line.
[[nodiscard]] RejectEntry parse_reject(std::string_view line);

/// Calls `each` with every non-blank line of a text, a part of it without line feed. The last line
/// needs none.
void each_line(std::string_view text, const std::function<void(std::string_view)>& each);

/// A line of a file of rejects, which may not be an entry.
struct RejectRecord {
  std::size_t number = 0;  ///< line number in the file, from 1
  std::string_view line;
  std::optional<RejectEntry> entry;
  std::string error;  ///< why the line is not an entry
};
/// Calls `each` with every non-blank line. Accepts any bytes. The views are into `text`.
void read_rejects(std::string_view text, const std::function<void(RejectRecord)>& each);

}  // namespace etl::runtime
