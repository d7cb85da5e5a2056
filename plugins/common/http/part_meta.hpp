/// \file
/// The sidecar of a file in the cache, which identifies the content that its bytes belong to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// Identifies a content, of which a file holds all or the beginning. A plain value.
struct PartMeta {
  std::string url;            ///< without user and password
  std::string validator;      ///< a strong ETag with its quotes, or a date; empty = none
  std::int64_t length = 0;    ///< of the whole content; -1 = unknown
  std::int64_t modified = 0;  ///< when a complete file was, in nanoseconds since 1970; else 0

  /// Whether the server can be asked for the rest of this content, and of no other.
  [[nodiscard]] bool resumable() const { return !validator.empty() && length >= 0; }
};

/// Formats the text of the sidecar.
[[nodiscard]] std::string to_text(const PartMeta& meta);

/// Parses the text of a sidecar; nothing unless to_text() would write exactly that, for example
/// because the write was cut short. The bytes are then not used, which costs a download but never
/// yields a wrong file.
[[nodiscard]] std::optional<PartMeta> parse_part_meta(std::string_view text);

/// Reads the sidecar at `path` without following a link; nothing if there is none, or not a valid
/// one.
[[nodiscard]] std::optional<PartMeta> read_part_meta(const std::filesystem::path& path);

}  // namespace http
