/// \file
/// The filter `language`, which selects languages, domain codes, projects or sites.
#pragma once

#include "plugins/wikipedia/parse/domain_code.hpp"
#include "plugins/wikipedia/text_set.hpp"

#include <etl/plugin.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// Keeps a row if its domain code passes every option given:
///   - `languages`: its first label is listed, so `fr` keeps `fr`, `fr.m` and `fr.d`, but not `frr`
///     or `frp.m`;
///   - `codes`, `codes_file`: it is listed exactly, in one of the two;
///   - `projects`, `access`: its parts, as parsed by parse_domain_code(), are listed.
/// At least one is given. A null code fails. Offers the test to the source as a predicate.
///
/// keeps() is pure and may be called from any thread; for the rest see etl/plugin.hpp.
class LanguageFilter {
 public:
  static constexpr auto name = "language";
  static constexpr auto summary =
      "Keeps rows of the given languages, domain codes, projects or sites.";
  static constexpr auto options = etl::options(
      etl::optional<etl::Strings>("languages", "",
                                  "First labels of the domain codes to keep, such as \"fr\"."),
      etl::optional<etl::Strings>("codes", "", "Domain codes to keep, such as \"fr.m\"."),
      etl::optional<etl::Path>("codes_file", "",
                               "Text file of further domain codes to keep, one per line.")
          .by_content(),
      etl::optional<etl::Strings>("projects", "", "Projects to keep, such as \"wikipedia\".")
          .one_of(projects),
      etl::optional<etl::Strings>("access", "",
                                  "Sites to keep: desktop, or mobile (including app and zero).")
          .one_of("desktop|mobile")
          .or_one(),
      etl::optional<std::string>("column", "\"domain_code\"", "Name of the domain code column."));

  /// Throws etl::Error (config) if no option is given, or one that no row can pass.
  LanguageFilter(const etl::Options& given, const etl::Context& context);

  /// Returns the columns unchanged. Throws etl::Error (config) if `column` is missing or not text.
  [[nodiscard]] etl::Schema schema(const etl::Schema& in) const;
  [[nodiscard]] std::optional<std::string> predicate_column(const etl::Schema& in) const;
  [[nodiscard]] bool keeps(std::string_view code) const;
  [[nodiscard]] etl::Batch apply(etl::Batch batch) const;

 private:
  std::optional<TextSet> languages_;
  std::optional<TextSet> codes_;
  std::optional<TextSet> projects_;
  std::optional<TextSet> access_;
  std::string column_;
};

}  // namespace wikipedia
