/// \file
/// The grammar of domain codes: which wiki, and by which way it was read. Pure functions.
#pragma once

#include <string_view>

namespace wikipedia {

/// What a domain code says. `language` is borrowed from the code, the others are constants.
struct DomainCode {
  std::string_view language;  ///< the first label, whatever it names: "fr", "commons", "www"
  std::string_view project;   ///< one of `projects`, below
  std::string_view access;    ///< "desktop" or "mobile"
};

/// Everything that DomainCode::project can be, for the option tables of stages.
inline constexpr std::string_view projects =
    "wikipedia|wiktionary|wikibooks|wikinews|wikiquote|wikisource|wikiversity|wikivoyage|wikidata|"
    "mediawiki|wikimediafoundation|wikimedia|unknown";

/// Reads `first[.m|.zero][.project]`, project out of b d n q s v voy wd w f m (= wikimedia.org),
/// none being Wikipedia. `.m` and `.zero` (until 2019) are the mobile site, apps included. Never
/// fails: a code outside the grammar has the project "unknown".
///
/// `X.m` alone is ambiguous in the files: the mobile Wikipedia in language X and the desktop site
/// of X.wikimedia.org share it, and their views are added up before we see them. It is read as
///   - wikimedia, desktop, where X names a wiki of wikimedia.org and no Wikipedia (`commons.m`,
///     `meta.m`, `incubator.m`, `mx.m`, ...; the list is that of the page view allowlist),
///   - wikipedia, mobile, everywhere else (`fr.m`, and also `ca.m`, whose chapter wiki is a
///   trickle).
/// `X.m.m` is always the mobile site of X.wikimedia.org.
///
/// Sites without a language have the host's label instead: `www.wd` is Wikidata, `m.wd` its mobile
/// site, and so on for `w` (mediawiki.org), `s` (wikisource.org) and `f` (wikimediafoundation.org).
[[nodiscard]] DomainCode parse_domain_code(std::string_view code);

/// The first label: all before the first '.'.
[[nodiscard]] constexpr std::string_view first_label(std::string_view code) {
  return code.substr(0, code.find('.'));
}

}  // namespace wikipedia
