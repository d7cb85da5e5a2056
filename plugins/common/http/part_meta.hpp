/// \file
/// The sidecar of a .part file, which identifies the content that its bytes belong to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// Identifies a content; a .part is resumed only if the server still has the same. A plain value.
struct PartMeta {
  std::string url;        ///< without user and password
  std::string validator;  ///< for If-Range: a strong ETag with its quotes, or a Last-Modified date
  std::int64_t length = 0;  ///< of the whole file
};

/// Formats the text of the sidecar.
[[nodiscard]] std::string to_text(const PartMeta& meta);

/// Parses the text of a sidecar; nothing unless to_text() would write exactly that, for example
/// because the write was cut short. The bytes then cannot be resumed, which costs a download but
/// never yields a wrong file.
[[nodiscard]] std::optional<PartMeta> parse_part_meta(std::string_view text);

}  // namespace http
