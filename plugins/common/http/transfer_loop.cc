#include "plugins/common/http/transfer_loop.hpp"

#include "plugins/common/http/transfer_errors.hpp"
#include "plugins/common/http/url.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace http {
namespace {

// Bounds only how late read-ahead resumes after a Retry-After.
constexpr std::chrono::milliseconds longest_sleep{1000};
// How often to ask for a slot, which another process may release at any time.
constexpr std::chrono::milliseconds slot_poll{30};
// Pause after a failure of libcurl itself, so that a lasting one does not cause a busy loop.
constexpr std::chrono::milliseconds breather{100};

/// Initializes libcurl once per process, for good, since plugins are never unloaded.
void start_libcurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) {
    throw etl::Error(etl::Code::internal, std::string("libcurl: ") + curl_easy_strerror(code));
  }
}

void check(CURLMcode code) {
  if (code != CURLM_OK)
    throw etl::Error::transient(std::string("libcurl: ") + curl_multi_strerror(code));
}

/// Blocks all signals in this thread during its lifetime; threads started meanwhile inherit that.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

etl::Error error_in_flight() {
  try {
    throw;
  } catch (const etl::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return etl::Error::transient("out of memory");
  } catch (const std::exception& error) {
    return {etl::Code::internal, error.what()};
  }
}

}  // namespace

TransferLoop::TransferLoop(const FetchOptions& options, const etl::Context& context,
                           LoopCalls calls)
    : options_(options),
      context_(context),
      calls_(std::move(calls)),
      slots_(context, options.connections) {
  start_libcurl();
  multi_.reset(curl_multi_init());
  if (multi_ == nullptr) throw etl::Error::transient("libcurl: out of memory");
  const SignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw etl::Error::transient(std::string("cannot start the download thread: ") + error.what());
  }
}

TransferLoop::~TransferLoop() {
  stop_ = true;
  wake();
  thread_.join();
  for (const auto& transfer : active_) curl_multi_remove_handle(multi_.get(), transfer->handle());
}

void TransferLoop::wake() noexcept { curl_multi_wakeup(multi_.get()); }

void TransferLoop::run() {
  while (!stop_) {
    try {
      step();
    } catch (const std::exception&) {
      end_all(error_in_flight());
      std::this_thread::sleep_for(breather);
    }
  }
}

void TransferLoop::step() {
  begin_downloads();
  int running = 0;
  check(curl_multi_perform(multi_.get(), &running));
  const bool ended = collect();
  drop_unwanted();
  give_up_stalled();
  if (!ended) wait();
}

void TransferLoop::begin_downloads() {
  waits_for_slot_ = false;
  while (const std::optional<Remote> remote = calls_.next()) {
    DownloadResult result;
    std::optional<ConnectionSlot> slot;
    try {
      slot = slots_.take(remote->url);
      waits_for_slot_ = !slot;
    } catch (const std::exception&) {
      result.error = error_in_flight();
    }
    if (waits_for_slot_) return;
    if (!calls_.begin(remote->name)) continue;
    try {
      if (slot) {
        result.path = begin(*remote, std::move(*slot));
        if (result.path.empty()) continue;  // in progress
      }
    } catch (const std::exception&) {
      result.error = error_in_flight();
    }
    calls_.done(remote->name, std::move(result));
  }
}

/// Starts a transfer and returns an empty path, or returns that of the file if it is cached
/// already.
std::filesystem::path TransferLoop::begin(const Remote& remote, ConnectionSlot slot) {
  std::filesystem::path final_path = options_.cache_dir / remote.name;
  make_cache_dir(options_.cache_dir);
  // Before anything is written: the folder may be read-only.
  if (!options_.ask_again && cached(remote)) return final_path;
  if (!std::exchange(swept_, true)) sweep_private_files(options_.cache_dir);
  PartFile file = PartFile::open(options_.cache_dir, remote.name);
  // Once more with the lock held: another process may just have finished the download.
  const std::optional<CachedFile> found = cached(remote);
  if (found && !options_.ask_again) {
    file.discard();
    return final_path;
  }
  auto transfer = std::make_unique<Transfer>(take_handle(), remote, std::move(file),
                                             found ? found->meta : std::nullopt, options_, context_,
                                             std::move(slot), closed_sockets_);
  active_.reserve(active_.size() + 1);
  request(*transfer);
  active_.push_back(std::move(transfer));
  return {};
}

std::optional<CachedFile> TransferLoop::cached(const Remote& remote) const {
  return open_cached(options_.cache_dir, remote.name, redact_url(remote.url));
}

void TransferLoop::request(Transfer& transfer) {
  transfer.prepare();
  check(curl_multi_add_handle(multi_.get(), transfer.handle()));
}

/// Concludes finished requests; returns whether there were any, so that others can start.
bool TransferLoop::collect() {
  bool ended = false;
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    ended = true;
    conclude(message->easy_handle, message->data.result);
  }
  return ended;
}

void TransferLoop::conclude(CURL* handle, CURLcode code) {
  const auto which = std::ranges::find(active_, handle, &Transfer::handle);
  std::optional<etl::Error> error;
  try {
    if ((*which)->conclude(code) == Transfer::Next::again) {
      curl_multi_remove_handle(multi_.get(), handle);
      request(**which);
      return;
    }
  } catch (const std::exception&) {
    error = error_in_flight();
  }
  end(which, std::move(error));
}

void TransferLoop::drop_unwanted() {
  for (std::size_t i = active_.size(); i-- > 0;) {
    Transfer& transfer = *active_[i];
    if (!calls_.dropped(transfer.name())) continue;
    std::optional<etl::Error> error = etl::Error::cancelled();
    try {
      if (!options_.keep_files) transfer.file().discard();
    } catch (const std::exception&) {
      context_.warn(error_in_flight().message());
    }
    end(active_.begin() + static_cast<std::ptrdiff_t>(i), std::move(error));
  }
}

void TransferLoop::give_up_stalled() {
  const auto now = Transfer::Clock::now();
  for (std::size_t i = active_.size(); i-- > 0;) {
    const auto deadline = active_[i]->stalls_at();
    if (!deadline || *deadline > now) continue;
    end(active_.begin() + static_cast<std::ptrdiff_t>(i), active_[i]->stalled());
  }
}

void TransferLoop::wait() {
  auto sleep = waits_for_slot_ ? slot_poll : longest_sleep;
  const auto now = Transfer::Clock::now();
  for (const auto& transfer : active_) {
    const auto deadline = transfer->stalls_at();
    if (!deadline) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - now);
    sleep = std::clamp(left, std::chrono::milliseconds(0), sleep);
  }
  check(curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(sleep.count()), nullptr));
}

void TransferLoop::end(Active::iterator which, std::optional<etl::Error> error) {
  std::unique_ptr<Transfer> transfer = std::move(*which);
  active_.erase(which);
  curl_multi_remove_handle(multi_.get(), transfer->handle());  // no-op if it has left already
  curl_easy_reset(transfer->handle());                         // ends its callbacks
  idle_handles_.push_back(transfer->take_handle());
  DownloadResult result;
  result.downloaded = transfer->downloaded();
  result.error = std::move(error);
  if (!result.error && transfer->cache_is_valid()) {
    result.path = options_.cache_dir / transfer->name();
  } else if (!result.error) {
    result.path = transfer->file().path();
    result.file.emplace(std::move(transfer->file()));
  }
  const std::string name = transfer->name();
  transfer.reset();  // unlocks the .part of a failure before it can be requested again
  calls_.done(name, std::move(result));
}

void TransferLoop::end_all(const etl::Error& error) {
  while (!active_.empty()) end(active_.end() - 1, error);
}

EasyHandle TransferLoop::take_handle() {
  if (idle_handles_.empty()) {
    EasyHandle fresh(curl_easy_init());
    if (fresh == nullptr) throw std::bad_alloc();
    return fresh;
  }
  EasyHandle handle = std::move(idle_handles_.back());
  idle_handles_.pop_back();
  return handle;
}

}  // namespace http
