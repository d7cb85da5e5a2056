/// \file
/// Downloads remote files into a local folder: ahead of use, with few connections, resumably.
#pragma once

#include "plugins/common/files/file_handle.hpp"
#include "plugins/common/http/authorities.hpp"

#include <etl/context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace http {

struct FetchOptions {
  std::string user_agent;           ///< complete header value
  int connections = 2;              ///< limit over all processes of the run
  std::filesystem::path cache_dir;  ///< created on first use with mode 0700
  bool keep_files = false;
  /// Asks the server whether a cached file is still what it has, instead of using it unasked.
  bool ask_again = false;
  Authorities authorities;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};  ///< no data for this long is a transient error
  /// If a server asks for a longer wait, the error is not to be retried in this run.
  std::chrono::milliseconds retry_after_limit = std::chrono::hours(1);
  /// A larger file is a permanent error, so that a misbehaving server cannot fill the disk.
  std::int64_t largest_file = std::int64_t{4} << 30;
  /// Limit on files that are downloaded or being downloaded before get() or ready() asks for them.
  int read_ahead = 4;
};

/// A file on a server. A name stands for the same URL throughout the life of a Fetcher.
struct Remote {
  std::string name;  ///< file name in cache_dir, e.g. "pageviews-20160827-210000.gz"
  std::string url;   ///< http or https
};

struct Fetched {
  files::FileHandle file;       ///< open for reading at its beginning
  std::filesystem::path path;   ///< its name, for messages
  std::int64_t downloaded = 0;  ///< bytes received since the last get() of this file
};

/// Downloads files into `cache_dir` and hands them out.
///
/// While a file is downloaded and read, it is called NAME.part. NAME.part.meta beside it records
/// how to request the rest of the same content later. verified() renames the file to NAME, so every
/// file called NAME has passed the checks of its reader, and get() returns it without a request,
/// unless NAME.meta beside it says that it came from another URL (see open_cached()). A Fetcher
/// locks (flock) the .part that it uses; one that finds it locked downloads into a private
/// NAME.PID-N.part, so that processes sharing a folder neither wait for each other nor mix bytes.
///
/// No connection outlives its request (see ClosedSockets). In a run of several processes, a
/// transfer starts once the host grants it a slot, and releases the slot at its end.
///
/// The Fetcher never retries: get() throws, and the runner retries the partition.
///
/// Threads: every member but the destructor may be called from any number of threads at once; no
/// call may be in progress when the destructor runs. One background thread does all transfers. It
/// starts with the first get() or expect(), so a process may fork before that.
///
/// Errors of get(): transient (with retry_after if the server sent it, or -1 ms beyond
/// retry_after_limit) for network failures, a busy
/// server, a truncated or stalled response, a full disk; missing for 404 and 410; permanent for
/// other 4xx, TLS certificates, refused redirects, a folder that cannot be written or that others
/// can write to; cancelled. The tables in transfer_errors.cc list them.
class Fetcher {
 public:
  Fetcher(FetchOptions options, etl::Context context);
  /// Stops transfers in progress within milliseconds. Their .part files stay and can be resumed.
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// Announces the files that get() will ask for next, in order. They are downloaded ahead within
  /// `connections` and `read_ahead`, after the files that get() or ready() asked for. Replaces the
  /// previous announcement; files already downloaded or downloading stay. If a download fails, its
  /// get() throws the error.
  void expect(std::vector<Remote> next);

  /// Whether get() would return or throw at once. Otherwise sees to the download as soon as a
  /// connection is free, and reports by Context::wake() that the answer may have changed. Never
  /// waits for the network. Throws for a name or URL that get() would refuse.
  [[nodiscard]] bool ready(const Remote& remote);

  /// Waits for the complete file. Polls `cancelled` at least every 100 ms and throws
  /// Error::cancelled() once it returns true. After an error the next call starts again, resuming
  /// the .part if the server proves that its content is unchanged.
  [[nodiscard]] Fetched get(const Remote& remote, const std::function<bool()>& cancelled);

  /// Reports that the file was read to its end and is intact. With keep_files, renames it to its
  /// final name durably (fsync, then rename). A failure to do so is only logged, since the
  /// partition has been read.
  void verified(const std::string& name);

  /// Deletes a file with damaged content, so that the next get() downloads it again. Throws if it
  /// cannot be deleted.
  void corrupt(const std::string& name);

  /// Releases the file of a partition that is committed or abandoned, and deletes it unless
  /// keep_files is set. A file that was in the cache before stays, and so does the .part of a
  /// failed download, which the next run can resume.
  void finish(const std::string& name);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace http
