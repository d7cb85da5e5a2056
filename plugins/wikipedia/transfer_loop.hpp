/// \file
/// The thread that does all transfers of a Fetcher.
#pragma once

#include "connection_slot.hpp"
#include "curl_handle.hpp"
#include "fetcher.hpp"
#include "part_file.hpp"
#include "transfer.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace wikipedia {

/// How a download ended.
struct Outcome {
  std::filesystem::path path;       ///< the complete file, unless `error`
  std::optional<PartFile> file;     ///< holds it; none if it was there under its own name
  std::optional<etl::Error> error;  ///< code cancelled: dropped as was asked for
  std::int64_t downloaded = 0;
};

/// What the loop asks and tells. All are called from the loop's thread, and not after its
/// destructor.
struct LoopCalls {
  std::function<std::optional<Remote>()> next;  ///< what to download now; it stays in its queue
  std::function<bool(const std::string& name)> begin;    ///< takes it; false = no longer in there
  std::function<bool(const std::string& name)> dropped;  ///< is this download no longer wanted?
  std::function<void(const std::string& name, Outcome outcome)> done;
};

/// Drives transfers by libcurl's multi interface. Keeps connections and handles for further
/// downloads.
///
/// Threads: wake() from any; constructor and destructor from one.
class TransferLoop {
 public:
  /// Starts the thread, with all signals blocked in it: they are for the threads of the host, and a
  /// write to a closed connection must not end the process (SIGPIPE). Throws etl::Error.
  TransferLoop(const FetchOptions& options, const etl::Context& context, LoopCalls calls);
  /// Breaks off what is in progress, without telling, and waits for the thread.
  ~TransferLoop();
  TransferLoop(const TransferLoop&) = delete;
  TransferLoop& operator=(const TransferLoop&) = delete;

  /// The answers of LoopCalls may have changed.
  void wake() noexcept;

 private:
  using Active = std::vector<std::unique_ptr<Transfer>>;

  void run();
  void step();
  void begin_downloads();
  [[nodiscard]] std::filesystem::path begin(const Remote& remote, ConnectionSlot slot);
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
  bool waits_for_slot_ = false;  // there is something to download, but no slot
  MultiHandle multi_;
  std::vector<EasyHandle> idle_handles_;
  Active active_;
  bool swept_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace wikipedia
