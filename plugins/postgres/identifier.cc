#include "plugins/postgres/identifier.hpp"

#include "plugins/postgres/utf8.hpp"

#include <etl/error.hpp>

#include <algorithm>
#include <vector>

namespace postgres {
namespace {

// NAMEDATALEN - 1:
// https://www.postgresql.org/docs/15/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
constexpr std::size_t name_bytes_max = 63;

etl::Error unreadable(std::string_view text, std::string_view why) {
  return etl::Error::config("table \"" + std::string(text) + "\": " + std::string(why) +
                            "; write table or schema.table, a part with a dot in double quotes")
      .about("table");
}

// Reads one part, which ends before a dot or at the end, and moves `at` past it.
std::string read_part(std::string_view text, std::size_t& at) {
  if (at == text.size() || text[at] != '"') {
    const std::size_t end = std::min(text.find('.', at), text.size());
    std::string part(text.substr(at, end - at));
    at = end;
    return part;
  }
  std::string part;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') {
      if (at + 1 == text.size() || text[at + 1] != '"') {
        ++at;
        return part;
      }
      ++at;
    }
    part += text[at];
  }
  throw unreadable(text, "the closing double quote is missing");
}

bool is_plain(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string shown_part(const std::string& name) { return is_plain(name) ? name : quoted(name); }

}  // namespace

std::string fault_of_name(std::string_view name) {
  if (name.empty()) return "the name is empty";
  if (name.size() > name_bytes_max) {
    return "the name is " + std::to_string(name.size()) + " bytes; the limit is " +
           std::to_string(name_bytes_max);
  }
  if (!is_storable(name)) return "the name is not UTF-8";
  return {};
}

std::string TableName::sql() const {
  return schema.empty() ? quoted(table) : quoted(schema) + "." + quoted(table);
}

std::string TableName::shown() const {
  return schema.empty() ? shown_part(table) : shown_part(schema) + "." + shown_part(table);
}

TableName parse_table_name(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (true) {
    parts.push_back(read_part(text, at));
    if (const std::string fault = fault_of_name(parts.back()); !fault.empty()) {
      throw unreadable(text, fault);
    }
    if (at == text.size()) break;
    if (text[at] != '.') throw unreadable(text, "text follows a closing double quote");
    ++at;
  }
  if (parts.size() > 2) throw unreadable(text, "more than two parts");
  if (parts.size() == 1) return {{}, parts[0]};
  return {parts[0], parts[1]};
}

}  // namespace postgres
