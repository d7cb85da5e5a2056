#include "plugins/common/http/fetcher.hpp"

#include "plugins/common/http/cached_file.hpp"
#include "plugins/common/http/part_file.hpp"
#include "plugins/common/http/redirect.hpp"
#include "plugins/common/http/transfer_errors.hpp"
#include "plugins/common/http/transfer_loop.hpp"
#include "plugins/common/http/url.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace http {
namespace {

// How often a waiting get() checks for cancellation.
constexpr std::chrono::milliseconds poll_interval{50};

/// Rejects names that would leave cache_dir or be hidden in it.
void check_remote(const Remote& remote) {
  const std::string& name = remote.name;
  const bool bad = name.empty() || name.front() == '.' || name.find('/') != std::string::npos ||
                   name.find('\0') != std::string::npos;
  if (bad) throw etl::Error::permanent("\"" + name + "\" is not a valid name for a cached file");
  if (!is_web_url(remote.url)) {
    throw etl::Error::permanent(redact_url(remote.url) + ": neither http nor https");
  }
}

FetchOptions in_bounds(FetchOptions options) {
  options.connections = std::max(options.connections, 1);
  options.read_ahead = std::max(options.read_ahead, 0);
  return options;
}

}  // namespace

/// The states of the files and the order of downloads, all guarded by one mutex. The loop's thread
/// calls next(), begin(), dropped() and done().
class Fetcher::Impl {
 public:
  Impl(FetchOptions options, const etl::Context& context);
  void expect(std::vector<Remote> next);
  bool ready(const Remote& remote);
  Fetched get(const Remote& remote, const std::function<bool()>& cancelled);
  void verified(const std::string& name);
  void corrupt(const std::string& name);
  void finish(const std::string& name);

 private:
  /// idle -> wanted -> running -> ready -> given, or running -> failed -> idle. Read-ahead skips
  /// `wanted`; verified() passes through `publishing`.
  enum class Phase { idle, wanted, running, ready, failed, given, publishing };

  struct Entry {
    Phase phase = Phase::idle;
    std::string url;
    bool asked = false;     // for, by get() or ready(); else it is read ahead
    bool uncached = false;  // ready() has found no copy of an earlier run
    bool dropped = false;   // running, but no longer wanted
    std::filesystem::path path;
    std::optional<PartFile> file;  // empty once `path` is the final name
    std::optional<etl::Error> error;
    std::int64_t downloaded = 0;  // not reported yet

    /// Resets everything but the number of bytes.
    void forget() {
      phase = Phase::idle;
      asked = false;
      uncached = false;
      path.clear();
      file.reset();
      error.reset();
    }
  };
  using Lock = std::unique_lock<std::mutex>;

  std::optional<Fetched> look(const Remote& remote);
  files::FileHandle find(const Remote& remote, Entry& entry) const;
  [[nodiscard]] files::FileHandle open(const Entry& entry, const Remote& remote) const;
  void want(const Remote& remote, Entry& entry);
  void forget_expected(const std::string& name);
  void stop_waiting(const std::string& name);
  [[nodiscard]] bool connection_free() const;
  void discard(std::optional<PartFile>& file);
  void start_loop();
  [[nodiscard]] bool may_read_ahead() const;
  [[nodiscard]] Entry* settled(const std::string& name, Lock& lock);

  std::optional<Remote> next();
  bool begin(const std::string& name);
  bool dropped(const std::string& name);
  void done(const std::string& name, DownloadResult result);

  const FetchOptions options_;
  const etl::Context context_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry> entries_;
  std::deque<std::string> wanted_;  // each asked for
  std::deque<Remote> expected_;
  int running_ = 0;
  /// Until then (Retry-After) no read-ahead, and of what ready() asks for one file at a time.
  Transfer::Clock::time_point quiet_until_{};
  std::unique_ptr<TransferLoop> loop_;  // last: its thread uses all of the above
};

Fetcher::Impl::Impl(FetchOptions options, const etl::Context& context)
    : options_(in_bounds(std::move(options))), context_(context) {}

void Fetcher::Impl::expect(std::vector<Remote> next) {
  for (const Remote& remote : next) check_remote(remote);
  const Lock lock(mutex_);
  expected_.assign(std::make_move_iterator(next.begin()), std::make_move_iterator(next.end()));
  if (expected_.empty() || options_.read_ahead == 0) return;
  start_loop();
  loop_->wake();
}

Fetched Fetcher::Impl::get(const Remote& remote, const std::function<bool()>& cancelled) {
  check_remote(remote);
  while (true) {
    if (cancelled()) {
      stop_waiting(remote.name);
      throw etl::Error::cancelled();
    }
    Lock lock(mutex_);
    if (std::optional<Fetched> fetched = look(remote)) return *std::move(fetched);
    changed_.wait_for(lock, poll_interval);
  }
}

bool Fetcher::Impl::ready(const Remote& remote) {
  check_remote(remote);
  const Lock lock(mutex_);
  Entry& entry = entries_[remote.name];
  if (entry.phase != Phase::idle || !entry.uncached) find(remote, entry);
  switch (entry.phase) {
    case Phase::idle:
      entry.uncached = true;
      if (connection_free()) want(remote, entry);
      return false;  // the end of a download will wake the host
    case Phase::running:
      entry.dropped = false;
      entry.asked = true;
      return false;
    case Phase::wanted:
      return false;
    case Phase::ready:
    case Phase::failed:
    case Phase::given:
    case Phase::publishing:
      return true;
  }
  return true;
}

/// For a download that ready() asks for. A server that asked for patience gets one at a time.
bool Fetcher::Impl::connection_free() const {
  const bool quiet = Transfer::Clock::now() < quiet_until_;
  const auto most = static_cast<std::size_t>(quiet ? 1 : options_.connections);
  return static_cast<std::size_t>(running_) + wanted_.size() < most;
}

/// Opens the file if it is ready, or in the cache, and corrects `entry` if not.
files::FileHandle Fetcher::Impl::find(const Remote& remote, Entry& entry) const {
  const bool ready = entry.phase == Phase::ready || entry.phase == Phase::given;
  const bool maybe_cached = entry.phase == Phase::idle && !options_.ask_again;
  files::FileHandle file;
  if (ready || maybe_cached) file = open(entry, remote);
  if (ready && !file.valid()) entry.forget();  // it has been deleted or replaced
  if (maybe_cached && file.valid()) {
    entry.path = options_.cache_dir / remote.name;
    entry.phase = Phase::ready;
  }
  return file;
}

/// Returns the file if it is ready, else sees to its download. Throws the error of a failed
/// download once.
std::optional<Fetched> Fetcher::Impl::look(const Remote& remote) {
  Entry& entry = entries_[remote.name];
  files::FileHandle file = find(remote, entry);
  switch (entry.phase) {
    case Phase::idle:
      want(remote, entry);
      return std::nullopt;
    case Phase::ready:
    case Phase::given:
      entry.phase = Phase::given;
      entry.asked = true;
      if (loop_) loop_->wake();  // read-ahead has room for another file
      return Fetched{std::move(file), entry.path, std::exchange(entry.downloaded, 0)};
    case Phase::failed: {
      const etl::Error error = *std::move(entry.error);
      entry.forget();
      if (loop_) loop_->wake();
      throw etl::Error(error);
    }
    case Phase::running:
      entry.dropped = false;
      entry.asked = true;
      return std::nullopt;
    case Phase::wanted:
    case Phase::publishing:
      return std::nullopt;
  }
  return std::nullopt;
}

/// Opens the file of a download or, if there was none, the one in the cache. The caller reads it
/// through this handle, whatever happens to its name.
files::FileHandle Fetcher::Impl::open(const Entry& entry, const Remote& remote) const {
  if (entry.file) return entry.file->reopen();
  auto cached = open_cached(options_.cache_dir, remote.name, redact_url(remote.url));
  return cached ? std::move(cached->file) : files::FileHandle();
}

void Fetcher::Impl::want(const Remote& remote, Entry& entry) {
  start_loop();
  forget_expected(remote.name);
  entry.url = remote.url;
  entry.asked = true;
  entry.phase = Phase::wanted;
  wanted_.push_back(remote.name);
  loop_->wake();
}

void Fetcher::Impl::forget_expected(const std::string& name) {
  const auto found = std::find_if(expected_.begin(), expected_.end(),
                                  [&](const Remote& each) { return each.name == name; });
  if (found != expected_.end()) expected_.erase(found);
}

/// Withdraws a cancelled get(). A running download continues as read-ahead; another get() that
/// waits for the same file asks again.
void Fetcher::Impl::stop_waiting(const std::string& name) {
  Lock lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  const bool withdrawn = entry.phase == Phase::wanted;
  if (withdrawn) {
    wanted_.erase(std::ranges::find(wanted_, name));
    entry.phase = Phase::idle;
  }
  if (entry.phase != Phase::given && entry.phase != Phase::publishing) entry.asked = false;
  lock.unlock();
  if (withdrawn) context_.wake();  // its connection is free for another file
}

void Fetcher::Impl::start_loop() {
  if (loop_) return;
  loop_ = std::make_unique<TransferLoop>(
      options_, context_,
      LoopCalls{[this] { return next(); }, [this](const std::string& name) { return begin(name); },
                [this](const std::string& name) { return dropped(name); },
                [this](const std::string& name, DownloadResult result) {
                  done(name, std::move(result));
                }});
}

/// Failed downloads count as well, so that not every expected file is tried while a server is down.
bool Fetcher::Impl::may_read_ahead() const {
  const auto ahead = std::count_if(entries_.begin(), entries_.end(), [](const auto& each) {
    const Entry& entry = each.second;
    const bool busy = entry.phase == Phase::running || entry.phase == Phase::ready ||
                      entry.phase == Phase::failed;
    return busy && !entry.asked;
  });
  return ahead < options_.read_ahead && Transfer::Clock::now() >= quiet_until_;
}

std::optional<Remote> Fetcher::Impl::next() {
  const Lock lock(mutex_);
  if (running_ >= options_.connections) return std::nullopt;
  if (!wanted_.empty()) return Remote{wanted_.front(), entries_[wanted_.front()].url};
  if (!may_read_ahead()) return std::nullopt;
  while (!expected_.empty() && entries_[expected_.front().name].phase != Phase::idle) {
    expected_.pop_front();
  }
  return expected_.empty() ? std::nullopt : std::optional(expected_.front());
}

/// Returns false if, since next(), the get() was cancelled or another list was announced.
bool Fetcher::Impl::begin(const std::string& name) {
  const Lock lock(mutex_);
  Entry& entry = entries_[name];
  if (const auto found = std::ranges::find(wanted_, name); found != wanted_.end()) {
    wanted_.erase(found);
  } else {
    const auto expected = std::ranges::find(expected_, name, &Remote::name);
    if (expected == expected_.end() || entry.phase != Phase::idle) return false;
    entry.url = expected->url;
    entry.asked = false;
    expected_.erase(expected);
  }
  entry.phase = Phase::running;
  ++running_;
  return true;
}

bool Fetcher::Impl::dropped(const std::string& name) {
  const Lock lock(mutex_);
  return entries_[name].dropped;
}

void Fetcher::Impl::done(const std::string& name, DownloadResult result) {
  Lock lock(mutex_);
  --running_;
  Entry& entry = entries_[name];
  entry.downloaded += result.downloaded;
  if (entry.dropped) {
    discard(result.file);
    entries_.erase(name);
  } else if (!result.error) {
    entry.phase = Phase::ready;
    entry.path = std::move(result.path);
    entry.file.reset();
    if (result.file) entry.file.emplace(*std::move(result.file));
  } else if (result.error->code() == etl::Code::cancelled) {
    entry.phase = Phase::idle;  // a get() came after the loop had dropped it
  } else {
    entry.phase = Phase::failed;
    if (result.error->retry_after().count() > 0) {
      quiet_until_ = std::max(quiet_until_, Transfer::Clock::now() + result.error->retry_after());
    }
    entry.error.emplace(*std::move(result.error));
  }
  changed_.notify_all();
  lock.unlock();
  context_.wake();
}

/// Waits until the file is not being renamed; returns its entry, or null.
Fetcher::Impl::Entry* Fetcher::Impl::settled(const std::string& name, Lock& lock) {
  while (true) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return nullptr;
    if (found->second.phase != Phase::publishing) return &found->second;
    changed_.wait(lock);
  }
}

void Fetcher::Impl::verified(const std::string& name) {
  Lock lock(mutex_);
  Entry* entry = settled(name, lock);
  if (entry == nullptr || entry->phase != Phase::given || !entry->file || !options_.keep_files)
    return;
  entry->phase = Phase::publishing;  // reserves the entry while fsync runs without the lock
  lock.unlock();
  std::optional<std::filesystem::path> path;
  try {
    path = entry->file->publish();
  } catch (const std::exception& error) {
    context_.warn("cannot keep a file that was read without errors: " + std::string(error.what()));
  }
  lock.lock();
  if (path) {
    entry->path = *std::move(path);
    entry->file.reset();
  }
  entry->phase = Phase::given;
  changed_.notify_all();
}

void Fetcher::Impl::corrupt(const std::string& name) {
  Lock lock(mutex_);
  Entry* entry = settled(name, lock);
  if (entry == nullptr || (entry->phase != Phase::given && entry->phase != Phase::ready)) return;
  if (entry->file) {
    entry->file->discard();
  } else {
    remove_cached(options_.cache_dir, name);
  }
  entry->forget();
}

/// Deletes a file that is no longer needed. A failure is only logged: it affects no result.
void Fetcher::Impl::discard(std::optional<PartFile>& file) {
  if (!file || options_.keep_files) return;
  try {
    file->discard();
  } catch (const etl::Error& error) {
    context_.warn(error.message());
  }
}

void Fetcher::Impl::finish(const std::string& name) {
  Lock lock(mutex_);
  forget_expected(name);
  Entry* entry = settled(name, lock);
  if (entry == nullptr) return;
  const bool withdrawn = entry->phase == Phase::wanted;  // a get() that waits for it asks again
  if (withdrawn) wanted_.erase(std::ranges::find(wanted_, name));
  if (entry->phase == Phase::running) {
    entry->dropped = true;
  } else {
    discard(entry->file);
    entries_.erase(name);
  }
  if (loop_) loop_->wake();
  lock.unlock();
  if (withdrawn) context_.wake();
}

Fetcher::Fetcher(FetchOptions options, etl::Context context)
    : impl_(std::make_unique<Impl>(std::move(options), context)) {}

Fetcher::~Fetcher() = default;

void Fetcher::expect(std::vector<Remote> next) { impl_->expect(std::move(next)); }

bool Fetcher::ready(const Remote& remote) { return impl_->ready(remote); }

Fetched Fetcher::get(const Remote& remote, const std::function<bool()>& cancelled) {
  return impl_->get(remote, cancelled);
}

void Fetcher::verified(const std::string& name) { impl_->verified(name); }

void Fetcher::corrupt(const std::string& name) { impl_->corrupt(name); }

void Fetcher::finish(const std::string& name) { impl_->finish(name); }

}  // namespace http
