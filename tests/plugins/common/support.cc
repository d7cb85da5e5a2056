#include "tests/plugins/common/support.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <zlib.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace test {
namespace {

RecordingTask& self(void* ctx) { return *static_cast<RecordingTask*>(ctx); }

void count(void* ctx, std::uint32_t counter, std::int64_t n) {
  RecordingTask& task = self(ctx);
  ++task.reports;
  switch (counter) {
    case ETL_ROWS_READ:
      task.read += n;
      break;
    case ETL_ROWS_DROPPED:
      task.dropped += n;
      break;
    case ETL_BYTES_DOWNLOADED:
      task.downloaded += n;
      break;
    case ETL_BYTES_DECODED:
      task.decoded += n;
      break;
    default:
      ADD_FAILURE() << "unknown counter " << counter;
  }
}

void keep_reject(void* ctx, const etl_reject* reject) {
  self(ctx).rejects.push_back({std::string(etl::detail::to_view(reject->reason)),
                               std::string(etl::detail::to_view(reject->raw)), reject->line,
                               reject->offset});
}

int cancelled(void* ctx) {
  int& after = self(ctx).cancel_after;
  if (after > 0) --after;
  return after == 0 ? 1 : 0;
}

/// Parses the default in an option table, a TOML value of few kinds.
OptionValues::Value parse_default(const etl_option_spec& spec) {
  const std::string text(etl::detail::to_view(spec.fallback));
  const auto quoted = [](const std::string& value) { return value.substr(1, value.size() - 2); };
  switch (spec.type) {
    case ETL_OPTION_BOOL:
      return text == "true";
    case ETL_OPTION_INT:
      return std::int64_t{std::stoll(text)};
    case ETL_OPTION_DURATION:
      return std::int64_t{std::stoll(quoted(text))} * 1000;  // all are in seconds
    case ETL_OPTION_LIST: {
      etl::Strings list;
      for (std::size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at)) {
        const std::size_t end = text.find('"', at + 1);
        list.push_back(text.substr(at + 1, end - at - 1));
        at = end + 1;
      }
      return list;
    }
    default:
      return quoted(text);
  }
}

}  // namespace

RecordingTask::RecordingTask() {
  abi_ = {sizeof(etl_task), this, &count, &keep_reject, &cancelled, [](void*, const etl_error*) {}};
}

etl::Context quiet_context() {
  static constexpr etl_host host = {sizeof(etl_host),
                                    ETL_ABI_MINOR,
                                    nullptr,
                                    [](void*, std::uint32_t, etl_str) {},
                                    [](void*) { return 0; },
                                    [](void*, const char*) -> const void* { return nullptr; },
                                    [](void*, std::int64_t) {},
                                    [](void*) {}};
  return etl::Context(&host);
}

OptionValues::OptionValues(std::span<const etl_option_spec> specs) : specs_(specs) {
  for (const etl_option_spec& spec : specs) {
    if (spec.fallback.size != 0)
      values_[std::string(etl::detail::to_view(spec.name))] = parse_default(spec);
  }
}

OptionValues& OptionValues::set(std::string_view name, Value value) {
  values_.insert_or_assign(std::string(name), std::move(value));
  return *this;
}

etl::Options OptionValues::options() {
  abi_.clear();
  lists_.clear();
  for (const etl_option_spec& spec : specs_) {
    const auto found = values_.find(etl::detail::to_view(spec.name));
    if (found == values_.end()) continue;
    etl_option& option = abi_.emplace_back();
    option.name = spec.name;
    option.type = spec.type;
    option.given = 1;
    if (const auto* flag = std::get_if<bool>(&found->second)) option.value.i = *flag ? 1 : 0;
    else if (const auto* number = std::get_if<std::int64_t>(&found->second))
      option.value.i = *number;
    else if (const auto* text = std::get_if<std::string>(&found->second))
      option.value.s = {text->data(), text->size()};
    else {
      std::vector<etl_str>& list = lists_.emplace_back();
      for (const std::string& item : std::get<etl::Strings>(found->second))
        list.push_back({item.data(), item.size()});
      option.value.list = {list.data(), list.size()};
    }
  }
  return etl::Options(abi_);
}

std::int64_t utc(int year, unsigned month, unsigned day, int hour, int minute) {
  using namespace std::chrono;
  const sys_days date{std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)};
  return duration_cast<microseconds>(date.time_since_epoch() + hours(hour) + minutes(minute))
      .count();
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int with_gzip_wrapper = 16;
  if (deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + with_gzip_wrapper, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  std::string in(text);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (code != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(byte));
    out += digits.data();
  }
  return out;
}

std::vector<std::string> reference(const std::vector<std::string>& arguments) {
  const etl_test::TemporaryFolder folder;
  const std::filesystem::path output = folder.path("output");
  std::string command = std::string("'") + TEST_PYTHON + "' '" + REFERENCE + "'";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  command += " > '" + output.string() + "'";
  const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): a fixed script
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
  std::ifstream file(output);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace test
