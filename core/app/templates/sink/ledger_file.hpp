#pragma once

#include <etl/ledger.hpp>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

/// Writes tab, line feed and backslash as \t, \n and \\.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\t') out += "\\t";
    else if (c == '\n') out += "\\n";
    else if (c == '\\') out += "\\\\";
    else out += c;
  }
  return out;
}

inline std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    const char c = text[++at];
    out += c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return out;
}

/// Formats a ledger record: one line per column, with a tab between name and value.
inline std::string ledger_text(const etl::LedgerRecord& record) {
  std::string text;
  for (const auto& column : etl::ledger_columns) {
    const bool is_text = column.kind == etl::ColumnKind::text;
    text += column.name;
    text +=
        "\t" + (is_text ? escaped(column.text(record)) : std::to_string(column.integer(record)));
    text += "\n";
  }
  return text;
}

inline etl::LedgerRecord read_ledger(const std::filesystem::path& path) {
  const auto damaged = [&](const std::string& why) {
    return etl::Error::permanent(path.string() + " is not a ledger record: " + why);
  };
  std::ifstream file(path, std::ios::binary);
  std::map<std::string, std::string, std::less<>> values;
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) throw damaged("a line without a tab");
    values[line.substr(0, tab)] = unescaped(std::string_view(line).substr(tab + 1));
  }
  etl::LedgerRecord record;
  for (const auto& column : etl::ledger_columns) {
    const auto found = values.find(column.name);
    if (found == values.end()) throw damaged("no column " + std::string(column.name));
    const std::string& text = found->second;
    std::int64_t number = 0;
    if (column.kind == etl::ColumnKind::text) {
      column.set(record, text);
    } else if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{}) {
      column.set(record, number);
    } else {
      throw damaged(std::string(column.name) + " is not a number");
    }
  }
  return record;
}
