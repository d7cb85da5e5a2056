#include "plugins/wikipedia/code_list.hpp"

#include <cerrno>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace wikipedia {
namespace {

constexpr std::streamsize largest_list = std::streamsize{16} << 20;

etl::Error wrong_list(const std::filesystem::path& path, const std::string& why) {
  return etl::Error::config(path.string() + why).about("codes_file");
}

std::string read_list(const std::filesystem::path& path) {
  std::error_code error;
  // A pipe or a device could be endless.
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    throw wrong_list(path, " is not a file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw wrong_list(path, ": " + std::generic_category().message(errno));
  std::string text(static_cast<std::size_t>(largest_list) + 1, '\0');
  file.read(text.data(), largest_list + 1);
  if (file.bad()) throw wrong_list(path, " cannot be read");
  if (file.gcount() > largest_list) throw wrong_list(path, " has more than 16 MiB");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string_view without_blanks(std::string_view line) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = line.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

}  // namespace

etl::Strings read_codes(const std::filesystem::path& path) {
  const std::string text = read_list(path);
  std::string_view rest = text;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (rest.starts_with(byte_order_mark)) rest.remove_prefix(byte_order_mark.size());
  etl::Strings codes;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = without_blanks(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.find_first_of(std::string_view(" \t\0", 3)) != std::string_view::npos) {
      throw wrong_list(path, ":" + std::to_string(number) + ": not one domain code");
    }
    codes.emplace_back(line);
  }
  if (codes.empty()) throw wrong_list(path, " has no domain codes: no row would pass");
  return codes;
}

}  // namespace wikipedia
