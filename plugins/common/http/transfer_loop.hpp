/// \file
/// The thread that runs all transfers of a Fetcher.
#pragma once

#include "plugins/common/http/cached_file.hpp"
#include "plugins/common/http/connection_slot.hpp"
#include "plugins/common/http/curl_handle.hpp"
#include "plugins/common/http/fetcher.hpp"
#include "plugins/common/http/part_file.hpp"
#include "plugins/common/http/surplus.hpp"
#include "plugins/common/http/transfer.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace http {

/// The result of a download.
struct DownloadResult {
  std::filesystem::path path;       ///< the complete file, unless `error`
  std::optional<PartFile> file;     ///< owns it; empty if it was cached under its final name
  std::optional<etl::Error> error;  ///< code cancelled: dropped on request
  std::int64_t downloaded = 0;
};

/// Callbacks of the loop. All are called from its thread, none after its destructor.
struct LoopCalls {
  std::function<std::optional<Remote>()> next;           ///< the next download; stays in its queue
  std::function<bool(const std::string& name)> begin;    ///< dequeues it; false = no longer queued
  std::function<bool(const std::string& name)> dropped;  ///< whether to abandon this download
  std::function<void(const std::string& name, DownloadResult result)> done;
};

/// Drives transfers by libcurl's multi interface. Reuses handles, with their TLS sessions.
///
/// Threads: wake() from any; constructor and destructor from one.
class TransferLoop {
 public:
  /// Starts the thread with all signals blocked, since they are meant for the host's threads, and a
  /// write to a closed connection must not end the process (SIGPIPE). Throws etl::Error.
  TransferLoop(const FetchOptions& options, const etl::Context& context, LoopCalls calls);
  /// Aborts the transfers in progress without calling done(), and joins the thread.
  ~TransferLoop();
  TransferLoop(const TransferLoop&) = delete;
  TransferLoop& operator=(const TransferLoop&) = delete;

  /// Makes the loop call next() and dropped() again.
  void wake() noexcept;

 private:
  using Active = std::vector<std::unique_ptr<Transfer>>;

  void run();
  void step();
  void begin_downloads();
  [[nodiscard]] std::filesystem::path begin(const Remote& remote, ConnectionSlot slot);
  [[nodiscard]] std::optional<CachedFile> cached(const Remote& remote) const;
  void request(Transfer& transfer);
  [[nodiscard]] bool collect();
  void conclude(CURL* handle, CURLcode code);
  void drop_unwanted();
  void give_up_stalled();
  void wait();
  void end(Active::iterator which, std::optional<etl::Error> error);
  void end_all(const etl::Error& error);
  [[nodiscard]] EasyHandle take_handle();

  const FetchOptions& options_;
  const etl::Context& context_;
  LoopCalls calls_;
  const ConnectionSlots slots_;
  bool waits_for_slot_ = false;  // a download is due, but no slot is free
  ClosedSockets closed_sockets_;
  MultiHandle multi_;
  std::vector<EasyHandle> idle_handles_;
  Active active_;
  bool swept_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace http
