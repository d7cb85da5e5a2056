#include "plugins/wikipedia/language_filter.hpp"

#include "plugins/wikipedia/code_list.hpp"

#include <algorithm>

namespace wikipedia {
namespace {

/// Rejects an empty list or entry, which would silently match nothing.
std::optional<TextSet> list(const etl::Options& options, std::string_view option) {
  const std::optional<etl::Strings> values = options.find<etl::Strings>(option);
  if (!values) return std::nullopt;
  const std::string named(option);
  if (values->empty())
    throw etl::Error::config(named + " is empty: no row would pass").about(option);
  if (std::ranges::find(*values, std::string()) != values->end()) {
    throw etl::Error::config(named + " has an empty entry").about(option);
  }
  return TextSet(values->begin(), values->end());
}

/// Returns what `codes` and `codes_file` list together.
std::optional<TextSet> listed_codes(const etl::Options& options) {
  std::optional<TextSet> codes = list(options, "codes");
  const std::optional<etl::Path> file = options.find<etl::Path>("codes_file");
  if (!file) return codes;
  if (!codes) codes.emplace();
  const etl::Strings more = read_codes(file->text);
  codes->insert(more.begin(), more.end());
  return codes;
}

}  // namespace

LanguageFilter::LanguageFilter(const etl::Options& given, const etl::Context& /*context*/)
    : languages_(list(given, "languages")),
      codes_(listed_codes(given)),
      projects_(list(given, "projects")),
      access_(list(given, "access")),
      column_(given.get<std::string>("column")) {
  if (!languages_ && !codes_ && !projects_ && !access_) {
    throw etl::Error::config(
        "nothing to filter by: give languages, codes, codes_file, projects or access")
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
  if (languages_ && !languages_->contains(first_label(code))) return false;
  if (codes_ && !codes_->contains(code)) return false;
  if (!projects_ && !access_) return true;
  const DomainCode parts = parse_domain_code(code);
  return (!projects_ || projects_->contains(parts.project)) &&
         (!access_ || access_->contains(parts.access));
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
