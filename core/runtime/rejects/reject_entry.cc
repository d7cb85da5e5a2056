#include "core/runtime/rejects/reject_entry.hpp"

#include "core/runtime/base/utf8.hpp"

#include <etl/error.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace etl::runtime {
namespace {

using nlohmann::json;

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_utf8(std::string_view text) { return !first_invalid_byte(text); }

std::string readable(const std::string& text) { return is_utf8(text) ? text : printable(text); }

std::string text_of(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end()) throw Error::permanent(fmt::format("has no \"{}\"", key));
  if (!at->is_string()) throw Error::permanent(fmt::format("\"{}\" is not a string", key));
  return at->get<std::string>();
}

std::optional<std::int64_t> number_of(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return std::nullopt;
  const bool fits =
      at->is_number_integer() && (!at->is_number_unsigned() || at->get<std::uint64_t>() >> 63 == 0);
  if (!fits || at->get<std::int64_t>() < 0)
    throw Error::permanent(fmt::format("\"{}\" is neither a count nor null", key));
  return at->get<std::int64_t>();
}

std::string raw_of(const json& object) {
  if (object.contains("raw") && object.contains("raw_base64"))
    throw Error::permanent("has both \"raw\" and \"raw_base64\"");
  if (!object.contains("raw_base64")) return text_of(object, "raw");
  try {
    return from_base64(text_of(object, "raw_base64"));
  } catch (const std::invalid_argument& error) {
    throw Error::permanent(fmt::format("\"raw_base64\" is not valid base64: {}", error.what()));
  }
}

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(bytes.size(), 3))) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      text += i <= bytes.size() ? alphabet[group >> (18 - 6 * i) & 63U] : '=';
  }
  return text;
}

std::string from_base64(std::string_view text) {
  const std::size_t digits = std::min(text.find('='), text.size());
  if (text.size() % 4 != 0 || text.size() - digits > 2 ||
      text.find_first_not_of('=', digits) != std::string_view::npos)
    throw std::invalid_argument("bad length");
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const std::size_t value = alphabet.find(text[i]);
    if (value == std::string_view::npos) throw std::invalid_argument("bad character");
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    // Each digit but the first of a group completes a byte.
    if (i % 4 != 0) bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)) & 0xFFU);
  }
  return bytes;
}

std::string reject_line(const RejectEntry& entry) {
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json object = {
      {"pipeline", readable(entry.key.pipeline)}, {"run_id", readable(entry.run_id)},
      {"source", readable(entry.key.source)},     {"partition", readable(entry.key.partition)},
      {"stage", readable(entry.stage)},           {"line", number(entry.line)},
      {"offset", number(entry.offset)},           {"reason", readable(entry.reason)}};
  if (is_utf8(entry.raw)) object["raw"] = entry.raw;
  else object["raw_base64"] = to_base64(entry.raw);
  return object.dump();
}

RejectEntry parse_reject(std::string_view line) {
  const json object = json::parse(line, nullptr, false);
  if (object.is_discarded()) throw Error::permanent("is not JSON");
  if (!object.is_object()) throw Error::permanent("is not a JSON object");
  RejectEntry entry;
  entry.key = {text_of(object, "pipeline"), text_of(object, "source"),
               text_of(object, "partition")};
  entry.run_id = text_of(object, "run_id");
  entry.stage = text_of(object, "stage");
  entry.line = number_of(object, "line");
  entry.offset = number_of(object, "offset");
  entry.reason = text_of(object, "reason");
  entry.raw = raw_of(object);
  return entry;
}

void each_line(std::string_view text, const std::function<void(std::string_view)>& each) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) each(line);
    at = end + 1;
  }
}

void read_rejects(std::string_view text, const std::function<void(RejectRecord)>& each) {
  std::size_t number = 0;
  std::size_t counted = 0;
  each_line(text, [&](std::string_view line) {
    const auto offset = static_cast<std::size_t>(line.data() - text.data());
    const std::string_view before = text.substr(counted, offset - counted);
    number += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
    counted = offset;
    RejectRecord record{number + 1, line, std::nullopt, {}};
    try {
      record.entry = parse_reject(line);
    } catch (const Error& error) {
      record.error = error.message();
    }
    each(std::move(record));
  });
}

}  // namespace etl::runtime
