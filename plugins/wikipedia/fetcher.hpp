/// \file
/// Brings remote files into a local folder: ahead of their use, politely, and resumable.
#pragma once

#include <etl/context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wikipedia {

struct FetchOptions {
  std::string user_agent;           ///< complete header value
  int connections = 2;              ///< at most this many at once, over all processes of the run
  std::filesystem::path cache_dir;  ///< created on first use, mode 0700 if we create it
  bool keep_files = false;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds stall_timeout{60'000};  ///< no byte for this long is a transient error
  /// A server that sends more than this sends no hour file, and must not fill the disk.
  std::int64_t largest_file = std::int64_t{4} << 30;
  /// At most this many downloaded or downloading files beyond those that were asked for.
  int read_ahead = 4;
};

/// A file on a server. One name stands for one URL as long as the Fetcher lives.
struct Remote {
  std::string name;  ///< the file's name in cache_dir, e.g. "pageviews-20160827-210000.gz"
  std::string url;   ///< http or https
};

struct Fetched {
  std::filesystem::path path;
  std::int64_t downloaded =
      0;  ///< bytes that came over the network since the last report for this file
};

/// Downloads files into `cache_dir` and hands out their paths.
///
/// While a file is downloaded and read it is NAME.part, with NAME.part.meta beside it that says
/// what a later request has to ask for to get the rest of the same content. It gets its own name
/// only in verified(), so a file under its own name has always had its length and its gzip CRC
/// checked, and get() returns it without any request. A .part is locked (flock) as long as a
/// Fetcher uses it; one that finds it locked downloads into a private NAME.PID-N.part instead, so
/// that processes sharing a folder neither wait for each other nor mix bytes.
///
/// Where the run is several processes, a transfer begins only with a slot of the host's, which it
/// gives back at its end, and no connection outlives its transfer.
///
/// Nothing is tried again in here: get() throws, and whoever runs the partition decides.
///
/// Threads: every member but the destructor may be called from any number of threads at once; no
/// call may be in progress when the destructor runs. One background thread does all the transfers;
/// it does not start before a file is asked for or expected, so a process may fork before that.
///
/// Errors of get(): transient (with retry_after where the server says so) for what may work later -
/// the network, a busy server, a cut or stalled answer, a full disk; missing for 404 and 410;
/// permanent for other 4xx, TLS certificates, refused redirects, a folder that cannot be written;
/// cancelled. The tables in transfer_errors.cc say which is which.
class Fetcher {
 public:
  Fetcher(FetchOptions options, etl::Context context);
  /// Stops transfers in progress within milliseconds. Their .part files stay, for resuming.
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// What get() will be asked for, in this order: downloaded ahead within `connections` and
  /// `read_ahead`, but after whatever a get() is waiting for. Replaces what was expected before;
  /// files already downloaded or downloading stay. A file that fails is kept as its error for its
  /// get() to throw.
  void expect(std::vector<Remote> next);

  /// Waits until the complete file is there. Polls `cancelled` at least every 100 ms and throws
  /// Error::cancelled() once it says true. After any error the next call starts anew, resuming the
  /// .part if its content can be shown to be unchanged.
  [[nodiscard]] Fetched get(const Remote& remote, const std::function<bool()>& cancelled);

  /// The file was read to its end and its CRC held. With keep_files it gets its own name now,
  /// durably (fsync, then rename). A failure to do so is logged: the partition itself has been
  /// read.
  void verified(const std::string& name);

  /// The file's content was bad: deletes it, so that the next get() downloads it anew. Throws if it
  /// cannot be deleted.
  void corrupt(const std::string& name);

  /// The partition is committed or given up: lets go of the file, and unless keep_files deletes it.
  /// A file that was already there under its own name is somebody's to keep and stays; so does the
  /// .part of a download that failed, for the next run to resume.
  void finish(const std::string& name);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wikipedia
