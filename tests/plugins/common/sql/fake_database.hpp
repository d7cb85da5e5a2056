/// \file
/// A database of a third kind: a dialect unlike those of the plugins, and a session that records
/// statements and answers with scripted rows.
#pragma once

#include "plugins/common/sql/session.hpp"
#include "plugins/common/sql/table_definition.hpp"

#include <etl/error.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace sql_tests {

/// NULL is "NULL".
using Texts = std::vector<std::string>;

class FakeRow final : public sql::Row {
 public:
  explicit FakeRow(Texts values) : values_(std::move(values)) {}
  [[nodiscard]] bool null(int column) const override { return text(column) == "NULL"; }
  [[nodiscard]] std::int64_t integer(int column) const override {
    return std::stoll(std::string(text(column)));
  }
  [[nodiscard]] std::string_view text(int column) const override {
    return values_.at(static_cast<std::size_t>(column));
  }

 private:
  Texts values_;
};

class FakeSession final : public sql::Session {
 public:
  struct Answer {
    std::vector<Texts> rows;
    std::int64_t changed = 0;
  };

  std::int64_t query(std::string_view, const std::string& text, std::span<const sql::Value> params,
                     const OnRow& on_row) override {
    statements.push_back(text);
    parameters.emplace_back();
    for (const sql::Value& value : params) parameters.back().push_back(shown(value));
    const Answer answer = answers.empty() ? Answer{} : answers.front();
    if (!answers.empty()) answers.pop_front();
    for (const Texts& row : answer.rows) on_row(FakeRow(row));
    return answer.changed;
  }

  Texts statements;
  std::vector<Texts> parameters;  ///< of each statement
  std::deque<Answer> answers;     ///< to the next statements; empty ones behind the last

 private:
  static std::string shown(const sql::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* time = std::get_if<sql::Time>(&value)) {
      return "time " + std::to_string(time->micros);
    }
    return "NULL";
  }
};

/// Parameters without numbers, an upsert clause of its own, texts that are cut at "!".
inline const sql::Dialect& dialect() {
  static constexpr sql::Dialect third{
      .default_schema = "home",
      .placeholder = [](std::size_t) { return std::string("?"); },
      .type =
          [](etl::Type type) {
            return std::string_view(etl::is_text(type)        ? "VARCHAR"
                                    : etl::is_timestamp(type) ? "DATETIME"
                                                              : "BIGINT");
          },
      .keeps = [](std::string_view declared,
                  etl::Type type) { return etl::is_text(type) == (declared == "VARCHAR"); },
      .same_name = [](std::string_view a, std::string_view b) { return a == b; },
      .table_suffix = [](const sql::TableDefinition&) { return std::string_view(" ENGINE=x"); },
      .time_text = [](const std::string& expression) { return "text(" + expression + ")"; },
      .now = "now()",
      .timestamp = [](etl::Type, std::int64_t value) -> std::optional<sql::Value> {
        if (value < 0) return std::nullopt;
        return sql::Time{value};
      },
      .storable = [](std::string_view text) { return std::string(text.substr(0, text.find('!'))); },
      .upsert =
          [](const sql::TableDefinition&, std::string_view condition) {
            return " ON DUPLICATE KEY UPDATE" +
                   (condition.empty() ? std::string() : " IF " + std::string(condition));
          },
      .exact_text = " EXACTLY",
      .sum = [](const std::string& a, const std::string& b) { return a + " + " + b; },
      .for_update = " FOR UPDATE",
  };
  return third;
}

inline sql::TableDefinition table_of(etl::Schema columns, etl::Strings key = {}) {
  return {&dialect(), "home", "t", "t in home", std::move(columns), std::move(key)};
}

inline etl::Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const etl::Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {etl::Code::internal, ""};
}

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "\"" << part << "\" is not in: " << text;
}

}  // namespace sql_tests
