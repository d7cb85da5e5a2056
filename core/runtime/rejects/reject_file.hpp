/// \file
/// The published rejects: one file, or a folder with a file per partition. Publishing replaces what
/// the same stages rejected from the same partition before.
///
/// Several processes may publish at once: they take turns by flock(2) on the file or folder. A
/// concurrent reader sees complete lines, except that the last one may be partly written.
#pragma once

#include "core/runtime/base/mutex.hpp"
#include "core/runtime/rejects/reject_spool.hpp"

#include <set>
#include <string>
#include <vector>

namespace etl::runtime {

/// The rejects of one partition to publish.
struct Publication {
  RejectKey key;
  std::set<std::string> stages;         ///< whose earlier entries are replaced
  std::filesystem::path spool;          ///< holds the new entries; empty = there are none
  std::vector<std::string> repaired{};  ///< further lines to remove, of any partition
};

/// Publishes rejects. Thread-safe.
class RejectFile {
 public:
  /// Creates the file or folder if it does not exist. `scratch` is a folder on the same file
  /// system. Throws file_error(), and Error (permanent) if the path is neither file nor folder.
  RejectFile(RejectPath path, std::filesystem::path scratch);

  /// Whether there are entries for this partition.
  [[nodiscard]] bool holds(const RejectKey& key);
  /// Whether publishing only appends. Otherwise it rewrites the whole file, which is better done
  /// for many publications at once.
  [[nodiscard]] bool cheap(const Publication& publication);
  /// Publishes all or nothing (in a folder: per partition), on disk when this returns. Of two
  /// publications for the same partition and stage the later wins. Throws file_error().
  void publish(const std::vector<Publication>& publications);

 private:
  void publish_file(const std::vector<Publication>& publications) ETL_REQUIRES(turn_);
  void publish_folder(const std::vector<Publication>& publications) ETL_REQUIRES(turn_);
  void append(const Descriptor& file, const std::vector<Publication>& publications);
  void repair_last_line(const Descriptor& file) const;
  [[nodiscard]] bool in_a_spool(std::string_view torn) const;
  void refresh() ETL_REQUIRES(mutex_);
  [[nodiscard]] std::filesystem::path file_of(const RejectKey& key) const;

  RejectPath path_;
  std::filesystem::path scratch_;
  Mutex turn_;  ///< held while publishing: flock does not exclude threads of one process

  // Of a single file.
  Mutex mutex_;
  std::set<RejectKey> known_ ETL_GUARDED_BY(mutex_);
  Descriptor read_ ETL_GUARDED_BY(mutex_);  ///< kept open, so that its inode is not reused
  std::size_t known_size_ ETL_GUARDED_BY(mutex_) = 0;  ///< bytes read so far, in complete lines
};

/// The file, or those in the folder sorted by name. Throws file_error().
[[nodiscard]] std::vector<std::filesystem::path> published_files(const RejectPath& rejects);

/// Why rejects cannot be written there, as far as that is known without creating anything; empty if
/// they can.
[[nodiscard]] std::string why_unwritable(const RejectPath& rejects);

}  // namespace etl::runtime
