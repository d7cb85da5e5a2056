/// \file
/// The grammar of domain codes, which name a wiki and how it was accessed. Pure functions.
#pragma once

#include <string_view>

namespace wikipedia {

/// The parts of a domain code. `language` is borrowed from the code, the others are constants.
struct DomainCode {
  std::string_view language;  ///< the first label, not always a language: "fr", "commons", "www"
  std::string_view project;   ///< one of `projects`, below
  std::string_view access;    ///< "desktop" or "mobile"
};

/// All values of DomainCode::project, for the option tables of stages.
inline constexpr std::string_view projects =
    "wikipedia|wiktionary|wikibooks|wikinews|wikiquote|wikisource|wikiversity|wikivoyage|wikidata|"
    "mediawiki|wikimediafoundation|wikimedia|unknown";

/// Parses `first[.m|.zero][.project]`. The project is one of b d n q s v voy wd w f m (=
/// wikimedia.org), or Wikipedia if omitted. `.m` and `.zero` (until 2019) are the mobile site,
/// including apps. Never fails: a code outside the grammar has the project "unknown".
///
/// `X.m` alone is ambiguous in the files: the mobile Wikipedia in language X and the desktop site
/// of X.wikimedia.org share it, and the files contain the sum of their views. It is read as
///   - wikimedia, desktop, if X is a wiki of wikimedia.org but not a Wikipedia (`commons.m`,
///     `meta.m`, `incubator.m`, `mx.m`, ...; the list is that of the page view allowlist),
///   - wikipedia, mobile, otherwise (`fr.m`, and also `ca.m`, whose chapter wiki has few views).
/// `X.m.m` is always the mobile site of X.wikimedia.org.
///
/// Sites without a language have the label of the host instead: `www.wd` is Wikidata, `m.wd` its
/// mobile site; likewise for `w` (mediawiki.org), `s` (wikisource.org) and `f`
/// (wikimediafoundation.org).
[[nodiscard]] DomainCode parse_domain_code(std::string_view code);

/// Returns the part before the first '.'.
[[nodiscard]] constexpr std::string_view first_label(std::string_view code) {
  return code.substr(0, code.find('.'));
}

}  // namespace wikipedia
