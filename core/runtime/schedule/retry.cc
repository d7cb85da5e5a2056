#include "core/runtime/schedule/retry.hpp"

#include "core/runtime/base/text_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace etl::runtime {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds max_backoff{60'000};
/// More is taken for a mistake.
constexpr milliseconds max_retry_after = std::chrono::hours(24 * 30);
/// A shorter wait is not worth a word.
constexpr milliseconds noticeable{5'000};

/// Keeps workers that failed together from coming back together.
milliseconds with_jitter(milliseconds delay) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> jitter(delay.count() * 3 / 4, delay.count() * 5 / 4);
  return milliseconds(jitter(random));
}

}  // namespace

milliseconds RetryPolicy::backoff(const Error& error, std::int64_t attempt) const {
  milliseconds doubled = delay;
  for (std::int64_t i = 1; i < attempt && doubled < max_backoff; ++i) doubled *= 2;
  return std::max(with_jitter(std::min(doubled, max_backoff)),
                  std::min(error.retry_after(), max_retry_after));
}

std::string RetryPolicy::describe(const Error& error, std::int64_t attempt,
                                  milliseconds backoff) const {
  std::string text = fmt::format("attempt {} of {}: {}", attempt, retries + 1, error.message());
  if (backoff >= noticeable) {
    text += fmt::format("; retrying in {}",
                        human_seconds(std::chrono::duration<double>(backoff).count()));
  }
  return text;
}

}  // namespace etl::runtime
