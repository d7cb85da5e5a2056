/// \file
/// The cache folder, and the complete files in it.
#pragma once

#include "plugins/common/files/file_handle.hpp"
#include "plugins/common/http/part_meta.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace http {

/// Returns why files in `folder` cannot be trusted: others may write to it, or it belongs to
/// another user. Returns an empty text for a folder that is safe or does not exist.
[[nodiscard]] std::string why_not_private(const std::filesystem::path& folder);

/// Creates `folder` if it does not exist, with mode 0700, because its files are loaded unseen.
/// Parents get the default mode. Throws etl::Error, also if the folder is not private.
void make_cache_dir(const std::filesystem::path& folder);

/// A complete file in the cache.
struct CachedFile {
  files::FileHandle file;        ///< open at its beginning
  std::optional<PartMeta> meta;  ///< nothing if somebody else has put the file there
};

/// Opens FOLDER/NAME if it may stand for the content of `url` (without user and password).
///
/// publish() of a PartFile writes FOLDER/NAME.meta, which says where the file came from. A file
/// with a sidecar is used only for the same URL, and only if it is the file that the sidecar
/// describes: length and time of modification agree. A file without a sidecar was put there by
/// somebody who wants it to be used. Links are not followed, and nothing is used in a folder that
/// is not private.
[[nodiscard]] std::optional<CachedFile> open_cached(const std::filesystem::path& folder,
                                                    const std::string& name,
                                                    const std::string& url);

/// Deletes FOLDER/NAME and its sidecar. Throws etl::Error.
void remove_cached(const std::filesystem::path& folder, const std::string& name);

/// Writes the sidecar of FOLDER/NAME. `file` is about to get that name. Throws etl::Error.
void describe_cached(const std::filesystem::path& final_path, const files::FileHandle& file,
                     PartMeta meta);

}  // namespace http
