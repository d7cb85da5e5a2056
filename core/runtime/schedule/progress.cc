#include "core/runtime/schedule/progress.hpp"

#include "core/runtime/base/text_format.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <system_error>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds redraw_every{200};
constexpr milliseconds line_every{5000};
constexpr milliseconds json_every{1000};
constexpr std::size_t widest_bar = 30;
constexpr std::size_t narrowest_bar = 5;
constexpr std::size_t active_shown = 4;

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

Progress::Progress(ProgressMode mode, Log& log) : mode_(mode), log_(log) {
  if (mode_ == ProgressMode::bar) {
    log_.around([this] { erase_bars(); }, [] {});
  }
}

Progress::~Progress() {
  stop();
  if (mode_ == ProgressMode::bar) log_.around({}, {});
}

void Progress::start(std::size_t partitions) {
  total_ = partitions;
  started_ = Clock::now();
  if (mode_ == ProgressMode::off) return;
  try {
    thread_ = std::thread([this] { show_until_stopped(); });
  } catch (const std::system_error& error) {
    log_.warn("the progress is not shown: " + error.code().message());
  }
}

void Progress::stop() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
  show(true);
}

void Progress::begin(const std::string& partition) {
  const MutexLock lock(mutex_);
  active_.emplace(partition, Clock::now());
}

void Progress::end(const std::string& partition) {
  const MutexLock lock(mutex_);
  if (const auto at = active_.find(partition); at != active_.end()) active_.erase(at);
}

void Progress::show_until_stopped() {
  const milliseconds pause = mode_ == ProgressMode::bar     ? redraw_every
                             : mode_ == ProgressMode::plain ? line_every
                                                            : json_every;
  auto next = Clock::now() + pause;
  MutexLock lock(mutex_);
  while (!stop_) {
    if (wake_.wait_until(lock, next)) continue;
    lock.unlock();
    refresh();
    next = Clock::now() + pause;
    lock.lock();
  }
}

void Progress::show(bool last) {
  if (mode_ == ProgressMode::plain) {
    // The summary follows at once.
    if (!last) log_.info(line());
    return;
  }
  log_.exclusive([&] {
    if (mode_ == ProgressMode::json) {
      print(json_line() + "\n");
      return;
    }
    const TerminalSize size = terminal_size(STDERR_FILENO);
    print(last ? drawn_.erase(size) : drawn_.replace(bars(size.columns), size));
  });
}

double Progress::elapsed() const {
  return std::chrono::duration<double>(Clock::now() - started_).count();
}

double Progress::eta() const {
  const auto done = static_cast<double>(finished_.load());
  if (done == 0) return -1;
  return elapsed() / done * (static_cast<double>(total_) - done);
}

std::string Progress::line() const {
  const double left = eta();
  return fmt::format(
      "{}/{} partitions, {} failed; {} rows read, {} written, {} rows/s{}", finished_.load(),
      total_, failed_.load(), grouped(rows_.load()), grouped(written_.load()),
      grouped(static_cast<std::int64_t>(static_cast<double>(rows_.load()) / elapsed())),
      left < 0 ? "" : ", about " + human_seconds(left) + " left");
}

/// The bar takes the columns that the numbers leave.
std::vector<std::string> Progress::bars(std::size_t columns) const {
  const std::string numbers = line();
  const std::size_t beside = display_width(numbers) + std::string_view("[] ").size() + 1;
  const std::size_t width = columns > beside ? std::min(columns - beside, widest_bar) : 0;
  const std::size_t done = static_cast<std::size_t>(finished_.load());
  const std::size_t filled = total_ == 0 ? width : width * done / total_;
  std::vector<std::string> lines = {width < narrowest_bar
                                        ? numbers
                                        : fmt::format("[{}{}] {}", std::string(filled, '#'),
                                                      std::string(width - filled, '.'), numbers)};
  const MutexLock lock(mutex_);
  for (const auto& [partition, since] : active_) {
    if (lines.size() > active_shown) {
      lines.push_back(fmt::format("  ... and {} more", active_.size() - active_shown));
      break;
    }
    lines.push_back(
        fmt::format("  {} {}", printable(partition),
                    human_seconds(std::chrono::duration<double>(Clock::now() - since).count())));
  }
  return lines;
}

std::string Progress::json_line() const {
  const double left = eta();
  nlohmann::json object = {{"event", "progress"},          {"partitions", total_},
                           {"finished", finished_.load()}, {"failed", failed_.load()},
                           {"rows_read", rows_.load()},    {"rows_written", written_.load()},
                           {"elapsed_seconds", elapsed()}, {"eta_seconds", nullptr}};
  if (left >= 0) object["eta_seconds"] = left;
  return object.dump();
}

void Progress::erase_bars() { print(drawn_.erase(terminal_size(STDERR_FILENO))); }

}  // namespace etl::runtime
