#pragma once

#include <etl/plugin.hpp>

/// Keeps the rows whose number in one column is large enough.
class TemplateStage {
 public:
  static constexpr auto name = "template_stage";
  static constexpr auto summary = "Keeps the rows whose number in a column is at least a minimum.";
  static constexpr auto options =
      etl::options(etl::required<std::string>("column", "Column of type int64 to test."),
                   etl::optional<std::int64_t>("minimum", "1", "The smallest number to keep."));

  TemplateStage(const etl::Options& given, const etl::Context&)
      : column_(given.get<std::string>("column")), minimum_(given.get<std::int64_t>("minimum")) {}

  /// Called before data moves: checks the input columns and returns the output columns.
  etl::Schema schema(const etl::Schema& in) const {
    if (in[in.at(column_)].type == etl::Type::int64) return in;
    throw etl::Error::config("column \"" + column_ + "\" is not an int64").about("column");
  }

  /// Filters one batch. Rows without a number are dropped.
  etl::Batch apply(etl::Batch batch) const {
    const auto numbers = batch.column<std::int64_t>(column_);
    return std::move(batch).keep_if(
        [&](std::size_t row) { return !numbers.null(row) && numbers[row] >= minimum_; });
  }

 private:
  std::string column_;
  std::int64_t minimum_;
};
