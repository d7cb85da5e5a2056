/// \file
/// Reads the lines of a gzip file with isa-l, for the hand-written programs. Only isa-l's own checks are
/// made (CRC and length of the single member).
#pragma once

#include <isa-l/igzip_lib.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace baseline {

/// Calls `use(line)` for every line of the gzip file that starts with `prefix`. The line has no line
/// ending and is valid during the call.
template <class Use>
void for_each_line(const std::string& path, std::string_view prefix, Use&& use) {
  constexpr std::size_t input_size = std::size_t{128} << 10;
  constexpr std::size_t output_size = std::size_t{256} << 10;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::vector<std::uint8_t> input(input_size);
  std::vector<char> output(2 * output_size);
  std::size_t rest = 0;  // of a line that started in the previous block
  auto state = std::make_unique<inflate_state>();
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_GZIP;

  while (state->block_state != ISAL_BLOCK_FINISH) {
    if (state->avail_in == 0) {
      state->next_in = input.data();
      state->avail_in =
          static_cast<std::uint32_t>(std::fread(input.data(), 1, input.size(), file.get()));
      if (state->avail_in == 0) throw std::runtime_error(path + ": ends too soon");
    }
    if (rest >= output_size) throw std::runtime_error(path + ": a line without end");
    state->next_out = reinterpret_cast<std::uint8_t*>(output.data() + rest);
    state->avail_out = static_cast<std::uint32_t>(output_size);
    if (isal_inflate(state.get()) != ISAL_DECOMP_OK)
      throw std::runtime_error(path + ": no good gzip");

    const char* const end = reinterpret_cast<const char*>(state->next_out);
    const char* at = output.data();
    while (const auto* newline = static_cast<const char*>(
               std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) {
      const std::string_view line(at, static_cast<std::size_t>(newline - at));
      if (line.starts_with(prefix)) use(line);
      at = newline + 1;
    }
    rest = static_cast<std::size_t>(end - at);
    std::memmove(output.data(), at, rest);
  }
}

struct Row {
  std::string_view code;
  std::string_view title;
  std::int64_t views;
};

/// Splits `code title views 0`, without checking it.
inline Row split(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  const std::size_t middle = line.rfind(' ', last - 1);
  Row row{line.substr(0, first), line.substr(first + 1, middle - first - 1), 0};
  std::from_chars(line.data() + middle + 1, line.data() + last, row.views);
  return row;
}

/// Start of the hour of the views in `.../pageviews-YYYYMMDD-HH0000.gz`, one hour before that in the name,
/// in seconds since 1970.
inline std::time_t hour_of(const std::string& path) {
  std::tm label{};
  const std::size_t at = path.rfind("pageviews-");
  if (at == std::string::npos ||
      std::sscanf(path.c_str() + at, "pageviews-%4d%2d%2d-%2d", &label.tm_year, &label.tm_mon,
                  &label.tm_mday, &label.tm_hour) != 4) {
    throw std::runtime_error(path + ": no name of an hour file");
  }
  label.tm_year -= 1900;
  label.tm_mon -= 1;
  return timegm(&label) - 3600;
}

inline std::string hour_text(std::time_t hour) {
  std::tm parts{};
  gmtime_r(&hour, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts)};
}

/// Converts a domain code from the command line to the prefix of a line; "-" selects every row.
inline std::string prefix_of(std::string_view code) {
  return code == "-" ? std::string() : std::string(code) + ' ';
}

}  // namespace baseline
