/// \file
/// The published rejects: one file, or a folder with a file for every partition. What is published
/// takes the place of what the same stages rejected of the same partition before.
///
/// Several processes may publish at once: they take turns by flock(2) on the file (or the folder)
/// itself. Whoever reads meanwhile sees whole lines, but for the last one, that may just be
/// written.
#pragma once

#include "core/runtime/rejects/reject_spool.hpp"

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace etl::runtime {

/// What becomes of a partition's rejects.
struct Publication {
  RejectKey key;
  std::set<std::string> stages;         ///< whose earlier entries go
  std::filesystem::path spool;          ///< has their new ones; empty = there are none
  std::vector<std::string> repaired{};  ///< lines that go as well, of any partition
};

/// Thread-safe.
class RejectFile {
 public:
  /// Makes the file (or the folder) where it is not there. `scratch`: a folder on the same file
  /// system. Throws Error as file_error() does, and Error (permanent) where the path is neither.
  RejectFile(RejectPath path, std::filesystem::path scratch);

  /// Whether there are entries of this partition.
  [[nodiscard]] bool holds(const RejectKey& key);
  /// Whether publishing costs no more than what is published. Where it does, the whole file is
  /// written anew: better for many at once.
  [[nodiscard]] bool cheap(const Publication& publication);
  /// All of it or nothing, on disk when this returns; in folders: for every partition. Of two for
  /// the same partition and stage the later holds. Throws Error as file_error() does.
  void publish(const std::vector<Publication>& publications);

 private:
  void publish_file(const std::vector<Publication>& publications);
  void publish_folder(const std::vector<Publication>& publications);
  void append(const Descriptor& file, const std::vector<Publication>& publications);
  void mend(const Descriptor& file) const;
  [[nodiscard]] bool in_a_spool(std::string_view torn) const;
  void refresh();
  [[nodiscard]] std::filesystem::path file_of(const RejectKey& key) const;

  RejectPath path_;
  std::filesystem::path scratch_;
  std::mutex turn_;  ///< flock does not keep threads apart

  std::mutex mutex_;  ///< guards what is known of the single file
  std::set<RejectKey> known_;
  Descriptor read_;             ///< open, so that no other file gets its inode
  std::size_t known_size_ = 0;  ///< what was read of it, in whole lines
};

/// The files that there are: the one, or those of the folder, by name. Throws file_error().
[[nodiscard]] std::vector<std::filesystem::path> published_files(const RejectPath& rejects);

/// Why no file or folder can be written there, as far as can be told without making it; empty when
/// it can.
[[nodiscard]] std::string why_unwritable(const RejectPath& rejects);

}  // namespace etl::runtime
