/// \file
/// The sidecar of a .part file: which content its bytes are the beginning of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// What has to be the same for a .part to be resumed. A plain value.
struct PartMeta {
  std::string url;        ///< without user name and password
  std::string validator;  ///< for If-Range: a strong ETag with its quotes, or a Last-Modified date
  std::int64_t length = 0;  ///< of the whole file
};

/// The sidecar's text.
[[nodiscard]] std::string to_text(const PartMeta& meta);

/// The reverse; nothing if the text is not wholly what to_text() writes, for example because the
/// write was cut short. Then the bytes cannot be resumed, which costs a download and never a wrong
/// file.
[[nodiscard]] std::optional<PartMeta> parse_part_meta(std::string_view text);

}  // namespace wikipedia
