#pragma once

#include <etl/ledger.hpp>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
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

/// Calls `visit(column, member)` for every column of the ledger but `state`.
template <class Record, class Visit>
void each_column(Record& record, Visit visit) {
  visit("pipeline", record.pipeline);
  visit("source", record.source);
  visit("sink", record.sink);
  visit("partition", record.partition);
  visit("rows_read", record.rows_read);
  visit("rows_filtered", record.rows_filtered);
  visit("rows_rejected", record.rows_rejected);
  visit("rows_written", record.rows_written);
  visit("source_uri", record.source_uri);
  visit("source_bytes", record.source_bytes);
  visit("definition", record.definition);
  visit("run_id", record.run_id);
  visit("attempts", record.attempts);
  visit("error", record.error);
  visit("started_at", record.started_at);
  visit("finished_at", record.finished_at);
}

/// Formats a ledger record: one line per column, with a tab between name and value.
inline std::string ledger_text(const etl::LedgerRecord& record) {
  std::string text = "state\t" + std::string(etl::state_name(record.state)) + "\n";
  each_column(record, [&]<class T>(const char* column, const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      text += column + ("\t" + escaped(value)) + "\n";
    } else {
      text += column + ("\t" + std::to_string(value)) + "\n";
    }
  });
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
  const auto value = [&](const char* column) -> const std::string& {
    const auto found = values.find(column);
    if (found == values.end()) throw damaged("no column " + std::string(column));
    return found->second;
  };
  etl::LedgerRecord record;
  record.state = etl::state_from(value("state"));
  each_column(record, [&]<class T>(const char* column, T& member) {
    const std::string& text = value(column);
    if constexpr (std::is_same_v<T, std::string>) {
      member = text;
    } else if (std::from_chars(text.data(), text.data() + text.size(), member).ec != std::errc{}) {
      throw damaged(std::string(column) + " is not a number");
    }
  });
  return record;
}
