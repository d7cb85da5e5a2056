/// \file
/// The filter `language`: rows of some languages, domain codes, projects or sites.
#pragma once

#include "domain_code.hpp"

#include <etl/plugin.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace wikipedia {

/// Keeps a row when its domain code passes every test that is given:
///   - `languages`: the first label is one of them, so `fr` keeps `fr`, `fr.m` and `fr.d`, and
///   never
///     `frr` or `frp.m`;
///   - `codes`: the code is one of them, to the letter;
///   - `projects`, `access`: as parse_domain_code() reads the code.
/// At least one is given. A null code passes none. Offers its test to the source as a predicate.
///
/// keeps() is pure and may be called from any thread; the rest as etl/plugin.hpp says.
class LanguageFilter {
 public:
  static constexpr auto name = "language";
  static constexpr auto summary =
      "Keeps the rows of some languages, domain codes, projects or sites.";
  static constexpr auto options = etl::options(
      etl::optional<etl::Strings>("languages", "",
                                  "First labels of the domain codes to keep, such as \"fr\"."),
      etl::optional<etl::Strings>("codes", "", "Domain codes to keep, such as \"fr.m\"."),
      etl::optional<etl::Strings>("projects", "", "Projects to keep, such as \"wikipedia\".")
          .one_of(projects),
      etl::optional<etl::Strings>("access", "",
                                  "The site to keep: desktop, or mobile (app and zero too).")
          .one_of("desktop|mobile")
          .or_one(),
      etl::optional<std::string>("column", "\"domain_code\"", "The column with the domain code."));

  /// Throws etl::Error (config): no test given, or one that nothing can pass.
  LanguageFilter(const etl::Options& given, const etl::Context& context);

  /// The columns stay as they are. Throws etl::Error (config) when `column` is not there or no
  /// text.
  [[nodiscard]] etl::Schema schema(const etl::Schema& in) const;
  [[nodiscard]] std::optional<std::string> predicate_column(const etl::Schema& in) const;
  [[nodiscard]] bool keeps(std::string_view code) const;
  [[nodiscard]] etl::Batch apply(etl::Batch batch) const;

 private:
  std::optional<etl::Strings> languages_;
  std::optional<etl::Strings> codes_;
  std::optional<etl::Strings> projects_;
  std::optional<etl::Strings> access_;
  std::string column_;
};

}  // namespace wikipedia
