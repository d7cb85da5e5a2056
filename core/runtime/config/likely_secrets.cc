#include "core/runtime/config/likely_secrets.hpp"

#include "core/runtime/base/utf8.hpp"

#include <etl/detail/split.hpp>

#include <algorithm>
#include <array>

namespace etl::runtime {
namespace {

bool sounds_secret(std::string_view key) {
  std::string lower(key);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return std::ranges::any_of(
      std::array<std::string_view, 9>{"password", "passwd", "passphrase", "secret", "token", "dsn",
                                      "credential", "api_key", "private_key"},
      [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace

void conceal_likely_secrets(const RawTable& table, Diagnostics& diagnostics) {
  for (const RawOption& option : table) {
    if (const auto* inner = std::get_if<RawTable>(&option.data))
      conceal_likely_secrets(*inner, diagnostics);
    else if (sounds_secret(option.name)) diagnostics.conceal(option.value);
  }
}

void conceal_likely_secrets(std::string_view text, const std::string& file,
                            Diagnostics& diagnostics) {
  std::size_t number = 0;
  for (const std::string_view line : detail::split(text, '\n')) {
    ++number;
    if (!sounds_secret(line)) continue;
    const std::size_t equals = std::min(line.find('='), line.size());
    const std::size_t value = std::min(line.find_first_not_of(" \t=", equals), line.size());
    diagnostics.conceal(
        {file, number, count_characters(line.substr(0, value)) + 1, line.size() + 1});
  }
}

}  // namespace etl::runtime
