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

/// Removes one entry; returns whether there was one.
template <class Times>
bool remove_one(Times& times, const std::string& partition) {
  const auto at = times.find(partition);
  if (at == times.end()) return false;
  times.erase(at);
  return true;
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

void Progress::waits(const std::string& partition) {
  const MutexLock lock(mutex_);
  remove_one(active_, partition);
  awaited_.emplace(partition, Clock::now());
}

void Progress::begin(const std::string& partition) {
  const MutexLock lock(mutex_);
  remove_one(awaited_, partition);
  active_.emplace(partition, Clock::now());
}

void Progress::end(const std::string& partition) {
  const MutexLock lock(mutex_);
  if (!remove_one(active_, partition)) remove_one(awaited_, partition);
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

/// Seconds until all is done but what is waited for, which may take any time; negative if unknown.
double Progress::eta(std::size_t awaited) const {
  const auto done = static_cast<double>(finished_.load());
  const auto left = static_cast<double>(total_) - done - static_cast<double>(awaited);
  return done == 0 || (awaited != 0 && left <= 0) ? -1 : elapsed() / done * std::max(left, 0.0);
}

Progress::Entries Progress::entries(const Times& times) {
  Entries list;
  for (const auto& [partition, since] : times)
    list.push_back({partition, std::chrono::duration<double>(Clock::now() - since).count()});
  std::stable_sort(list.begin(), list.end(), [](const Entry& one, const Entry& other) {
    return one.seconds > other.seconds;
  });
  return list;
}

Progress::Entries Progress::active() const {
  const MutexLock lock(mutex_);
  return entries(active_);
}

Progress::Entries Progress::awaited() const {
  const MutexLock lock(mutex_);
  return entries(awaited_);
}

std::string Progress::numbers(std::size_t awaited) const {
  const double left = eta(awaited);
  std::string text = fmt::format(
      "{}/{} partitions, {} failed; {} rows read, {} written, {} rows/s", finished_.load(), total_,
      failed_.load(), grouped(rows_.load()), grouped(written_.load()),
      grouped(static_cast<std::int64_t>(static_cast<double>(rows_.load()) / elapsed())));
  if (left >= 0) text += ", about " + human_seconds(left) + " left";
  if (left >= 0 && awaited != 0) text += " for the others";
  return text;
}

std::string Progress::line() const {
  const Entries waiting = awaited();
  std::string text = numbers(waiting.size());
  if (waiting.empty()) return text;
  text += fmt::format("; waiting for {} ({})", printable(waiting.front().partition),
                      human_seconds(waiting.front().seconds));
  if (waiting.size() > 1) text += fmt::format(" and {} more", waiting.size() - 1);
  return text;
}

/// The bar takes the columns that the numbers leave. Below are the partitions, those waited for
/// first.
std::vector<std::string> Progress::bars(std::size_t columns) const {
  const Entries waiting = awaited();
  const std::string text = numbers(waiting.size());
  const std::size_t beside = display_width(text) + std::string_view("[] ").size() + 1;
  const std::size_t width = columns > beside ? std::min(columns - beside, widest_bar) : 0;
  const std::size_t done = static_cast<std::size_t>(finished_.load());
  const std::size_t filled = total_ == 0 ? width : width * done / total_;
  std::vector<std::string> lines = {width < narrowest_bar
                                        ? text
                                        : fmt::format("[{}{}] {}", std::string(filled, '#'),
                                                      std::string(width - filled, '.'), text)};
  const auto add = [&lines](const Entries& entries, std::string_view mark) {
    for (const Entry& entry : entries) {
      lines.push_back(
          fmt::format("  {} {}{}", printable(entry.partition), human_seconds(entry.seconds), mark));
    }
  };
  add(waiting, ", waiting for its data");
  add(active(), "");
  if (lines.size() > 1 + active_shown) {
    const std::size_t more = lines.size() - 1 - active_shown;
    lines.resize(1 + active_shown);
    lines.push_back(fmt::format("  ... and {} more", more));
  }
  return lines;
}

std::string Progress::json_line() const {
  const Entries waiting = awaited();
  const double left = eta(waiting.size());
  nlohmann::json object = {{"event", "progress"},
                           {"partitions", total_},
                           {"finished", finished_.load()},
                           {"failed", failed_.load()},
                           {"rows_read", rows_.load()},
                           {"rows_written", written_.load()},
                           {"elapsed_seconds", elapsed()},
                           {"eta_seconds", nullptr},
                           {"waiting_for", nlohmann::json::array()}};
  if (left >= 0) object["eta_seconds"] = left;
  for (const Entry& entry : waiting) object["waiting_for"].push_back(printable(entry.partition));
  return object.dump();
}

void Progress::erase_bars() { print(drawn_.erase(terminal_size(STDERR_FILENO))); }

}  // namespace etl::runtime
