/// \file
/// Conversion of blocks of page views to batches.
#pragma once

#include "plugins/wikipedia/parse/page_view_parser.hpp"

#include <etl/batch.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace wikipedia {

enum class ColumnKind : std::uint8_t {
  hour,
  domain_code,
  language,
  project,
  access,
  title,
  views,
  response_bytes
};

struct ColumnInfo {
  ColumnKind kind;
  std::string_view name;
  etl::Type type;
};

/// All columns, in the order of ColumnKind.
inline constexpr std::array<ColumnInfo, 8> column_table = {{
    {ColumnKind::hour, "hour", etl::Type::timestamp_s},
    {ColumnKind::domain_code, "domain_code", etl::Type::utf8},
    {ColumnKind::language, "language", etl::Type::utf8},
    {ColumnKind::project, "project", etl::Type::utf8},
    {ColumnKind::access, "access", etl::Type::utf8},
    {ColumnKind::title, "title", etl::Type::utf8},
    {ColumnKind::views, "views", etl::Type::int64},
    {ColumnKind::response_bytes, "response_bytes", etl::Type::int64},
}};

/// Collects rows column by column, which is faster than etl::BatchBuilder::row() for the millions
/// of rows of an hour file and handles any selection of columns. Texts are copied.
///
/// Used by one thread at a time.
class PageViewColumns {
 public:
  /// REQUIRES: every column of `schema` is in column_table, with the same type.
  PageViewColumns(std::shared_ptr<const etl::Schema> schema, std::int64_t hour_seconds);

  void append(const PageViewBlock& block);
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// Returns the number of bytes collected so far.
  [[nodiscard]] std::size_t bytes() const;
  /// Returns the rows so far as a batch and starts an empty one.
  [[nodiscard]] etl::Batch finish();

 private:
  struct Column {
    ColumnKind kind;
    bool text;
    etl::detail::Buffer offsets{};  // of texts: 0, then the end of each
    etl::detail::Buffer data{};
  };

  void append_texts(Column& column, const PageViewBlock& block);
  static void append_titles(Column& column, const PageViewBlock& block);
  void append_numbers(Column& column, const PageViewBlock& block) const;
  [[nodiscard]] etl::detail::OwnedArray finish(Column& column) const;

  std::shared_ptr<const etl::Schema> schema_;
  std::int64_t hour_seconds_;
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

}  // namespace wikipedia
