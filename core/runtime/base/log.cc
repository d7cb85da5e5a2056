#include "core/runtime/base/log.hpp"

#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <chrono>

namespace etl::runtime {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  using namespace spdlog::level;
  constexpr std::array levels{debug, info, warn, err, off};
  return levels.at(static_cast<std::size_t>(level));
}

}  // namespace

Log::Log(LogLevel level, LogFormat format, bool colour) : level_(level), format_(format) {
  spdlog::sink_ptr sink;
  if (colour)
    sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(spdlog::color_mode::always);
  else sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  logger_ = std::make_shared<spdlog::logger>("etl", sink);
  logger_->set_level(to_spdlog(level));
  logger_->flush_on(spdlog::level::debug);
  logger_->set_pattern(format == LogFormat::json ? "%v" : "%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v",
                       spdlog::pattern_time_type::utc);
}

Log::Log(LogLevel level, Forward forward)
    : level_(level),
      format_(LogFormat::text),
      logger_(std::make_shared<spdlog::logger>("etl")),
      forward_(std::move(forward)) {
  logger_->set_level(to_spdlog(level));
}

Log::~Log() = default;

void Log::write(LogLevel level, std::string_view stage, std::string_view text) {
  if (!logger_->should_log(to_spdlog(level))) return;
  std::string line = redactor_.conceal(text);
  if (forward_) {
    const MutexLock lock(mutex_);
    forward_(level, stage, line);
    return;
  }
  if (format_ == LogFormat::json) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    nlohmann::json object = {{"time_ms", millis},
                             {"level", spdlog::level::to_string_view(to_spdlog(level)).data()},
                             {"message", line}};
    if (!stage.empty()) object["stage"] = stage;
    line = object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else {
    // Messages may contain data: escape sequences must not reach the terminal, and a continuation
    // line must not look like a separate log line.
    line = printable(line, "\n    ");
    if (!stage.empty()) line = fmt::format("[{}] {}", stage, line);
  }
  const MutexLock lock(mutex_);
  if (before_) before_();
  logger_->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
  if (after_) after_();
}

void Log::around(std::function<void()> before, std::function<void()> after) {
  const MutexLock lock(mutex_);
  before_ = std::move(before);
  after_ = std::move(after);
}

void Log::exclusive(const std::function<void()>& body) {
  const MutexLock lock(mutex_);
  body();
}

}  // namespace etl::runtime
