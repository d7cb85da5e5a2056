#include "plugins/wikipedia/language_filter.hpp"

#include <algorithm>

namespace wikipedia {
namespace {

/// Rejects an empty list or entry, which would silently match nothing.
std::optional<etl::Strings> list(const etl::Options& options, std::string_view option) {
  std::optional<etl::Strings> values = options.find<etl::Strings>(option);
  if (!values) return values;
  const std::string named(option);
  if (values->empty())
    throw etl::Error::config(named + " is empty: no row would pass").about(option);
  if (std::ranges::find(*values, std::string()) != values->end()) {
    throw etl::Error::config(named + " has an empty entry").about(option);
  }
  return values;
}

bool contains(const etl::Strings& values, std::string_view value) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

LanguageFilter::LanguageFilter(const etl::Options& given, const etl::Context& /*context*/)
    : languages_(list(given, "languages")),
      codes_(list(given, "codes")),
      projects_(list(given, "projects")),
      access_(list(given, "access")),
      column_(given.get<std::string>("column")) {
  if (!languages_ && !codes_ && !projects_ && !access_) {
    throw etl::Error::config("nothing to filter by: give languages, codes, projects or access")
        .about("languages");
  }
  if (!languages_) return;
  for (const std::string& language : *languages_) {
    if (first_label(language).size() == language.size()) continue;
    throw etl::Error::config("\"" + language +
                             "\" is a domain code, not a language: move it to codes")
        .about("languages");
  }
}

etl::Schema LanguageFilter::schema(const etl::Schema& in) const {
  const std::optional<std::size_t> column = in.find(column_);
  if (!column) {
    throw etl::Error::config("no column \"" + column_ + "\"; available: " + in.names())
        .about("column");
  }
  if (!etl::is_text(in[*column].type)) {
    throw etl::Error::config("column \"" + column_ + "\" is " +
                             std::string(etl::type_name(in[*column].type)) +
                             ", not utf8; available: " + in.names())
        .about("column");
  }
  return in;
}

std::optional<std::string> LanguageFilter::predicate_column(const etl::Schema& /*in*/) const {
  return column_;
}

bool LanguageFilter::keeps(std::string_view code) const {
  if (languages_ && !contains(*languages_, first_label(code))) return false;
  if (codes_ && !contains(*codes_, code)) return false;
  if (!projects_ && !access_) return true;
  const DomainCode parts = parse_domain_code(code);
  return (!projects_ || contains(*projects_, parts.project)) &&
         (!access_ || contains(*access_, parts.access));
}

etl::Batch LanguageFilter::apply(etl::Batch batch) const {
  const auto codes = batch.column<std::string_view>(column_);
  // Rows are sorted by code, so most repeat that of the previous row.
  std::string_view last;
  bool kept = keeps(last);
  return std::move(batch).keep_if([&](std::size_t row) {
    if (codes.null(row)) return false;
    if (const std::string_view code = codes[row]; code != last) {
      last = code;
      kept = keeps(code);
    }
    return kept;
  });
}

}  // namespace wikipedia
