#include <etl/plugin.hpp>

/// Keeps the rows whose text in one column begins with a prefix.
class StartingWith {
 public:
  static constexpr auto name = "starting_with";
  static constexpr auto summary = "Keeps the rows whose text begins with a prefix.";
  static constexpr auto options =
      etl::options(etl::required<std::string>("column", "Column of type utf8 to test."),
                   etl::optional<std::string>("prefix", "\"a\"", "What the text must begin with."));

  StartingWith(const etl::Options& given, const etl::Context&)
      : column_(given.get<std::string>("column")), prefix_(given.get<std::string>("prefix")) {}

  etl::Schema schema(const etl::Schema& in) const {
    if (etl::is_text(in[in.at(column_)].type)) return in;
    throw etl::Error::config("column \"" + column_ + "\" is not a text column").about("column");
  }
  etl::Batch apply(etl::Batch batch) const {
    const auto text = batch.column<std::string_view>(column_);
    return std::move(batch).keep_if([&](auto row) { return !text.null(row) && keeps(text[row]); });
  }

  std::optional<std::string> predicate_column(const etl::Schema&) const { return column_; }
  bool keeps(std::string_view value) const { return value.starts_with(prefix_); }

 private:
  std::string column_, prefix_;
};

ETL_PLUGIN("example_starting_with", "1.0.0", StartingWith);
