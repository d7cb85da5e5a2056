#include "plugins/wikipedia/parse/domain_code.hpp"

#include <algorithm>
#include <array>

namespace wikipedia {
namespace {

struct Project {
  std::string_view label;
  std::string_view name;
};
constexpr std::array project_labels = {
    Project{"b", "wikibooks"},  Project{"d", "wiktionary"},  Project{"f", "wikimediafoundation"},
    Project{"m", "wikimedia"},  Project{"n", "wikinews"},    Project{"q", "wikiquote"},
    Project{"s", "wikisource"}, Project{"v", "wikiversity"}, Project{"voy", "wikivoyage"},
    Project{"w", "mediawiki"},  Project{"wd", "wikidata"},
};

/// Names X of X.wikimedia.org that are not the language of a Wikipedia, sorted.
constexpr std::array<std::string_view, 32> wikimedia_wikis = {
    "advisory",     "ae",         "bd",  "cn",        "commons",  "dk",        "ec",        "fdc",
    "fixcopyright", "foundation", "ge",  "gr",        "il",       "in-tech",   "incubator", "meta",
    "mx",           "noc",        "nyc", "nz",        "outreach", "pk",        "rs",        "slo",
    "species",      "strategy",   "ua",  "usability", "wb",       "wikimania", "wikitech",  "www"};
static_assert(std::ranges::is_sorted(wikimedia_wikis));

constexpr std::string_view unknown = "unknown";
constexpr std::string_view desktop = "desktop";
constexpr std::string_view mobile = "mobile";

std::string_view project_of(std::string_view label) {
  for (const Project& project : project_labels) {
    if (project.label == label) return project.name;
  }
  return unknown;
}

bool is_access(std::string_view label) { return label == "m" || label == "zero"; }

}  // namespace

DomainCode parse_domain_code(std::string_view code) {
  const std::string_view first = first_label(code);
  if (first.size() == code.size()) return {first, first.empty() ? unknown : "wikipedia", desktop};

  const std::string_view rest = code.substr(first.size() + 1);
  const std::string_view second = first_label(rest);
  const bool two_labels = second.size() == rest.size();
  if (first.empty()) return {first, unknown, desktop};
  if (!is_access(second)) {
    const std::string_view access = first == "m" ? mobile : desktop;
    return {first, two_labels ? project_of(second) : unknown, access};
  }
  if (!two_labels) return {first, project_of(rest.substr(second.size() + 1)), mobile};
  const bool wikimedia = second == "m" && std::ranges::binary_search(wikimedia_wikis, first);
  if (wikimedia) return {first, "wikimedia", desktop};
  return {first, "wikipedia", mobile};
}

}  // namespace wikipedia
