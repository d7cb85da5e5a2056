#include "core/runtime/base/suggest.hpp"

#include "core/runtime/base/text.hpp"
#include "core/runtime/base/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace etl::runtime {
namespace {

constexpr std::size_t max_word = 64;  // edit distance takes quadratic time
constexpr std::size_t max_listed = 30;
constexpr std::size_t min_prefix = 3;

std::string folded(std::string_view word) {
  std::string out(word);
  for (char& letter : out) letter = letter == '-' ? '_' : lower(letter);
  return out;
}

/// The optimal string alignment distance: edits between two words, where swapping neighbours is
/// one edit. Keeps three rows of the usual table. REQUIRES: neither word is longer than max_word.
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, max_word + 1>;
  Row before{};
  Row previous{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) previous.at(j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = a[i - 1] == b[j - 1] ? 0 : 1;
      row.at(j) = std::min({previous.at(j) + 1, row.at(j - 1) + 1, previous.at(j - 1) + other});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row.at(j) = std::min(row.at(j), before.at(j - 2) + 1);
      }
    }
    before = previous;
    previous = row;
  }
  return previous.at(b.size());
}

constexpr std::size_t far = std::numeric_limits<std::size_t>::max();

/// Ranks how unlikely it is that `candidate` was meant by `word`; `far` = it was not.
std::size_t unlikeliness(const std::string& word, const std::string& candidate) {
  const std::size_t longer = std::max(word.size(), candidate.size());
  const std::size_t shorter = std::min(word.size(), candidate.size());
  if (shorter == 0 || longer > max_word) return far;
  const std::size_t edits = distance(word, candidate);
  if (edits < longer && edits <= std::max<std::size_t>(1, longer / 3)) return edits;
  const bool prefix = word.starts_with(candidate) || candidate.starts_with(word);
  // Ranks after every typo.
  return prefix && shorter >= min_prefix ? max_word + longer - shorter : far;
}

}  // namespace

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  const std::string sought = folded(word);
  std::size_t best = far;
  const std::string* found = nullptr;
  for (const std::string& candidate : candidates) {
    const std::size_t score = unlikeliness(sought, folded(candidate));
    if (score < best) {
      best = score;
      found = &candidate;
    }
  }
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  if (const auto near = nearest(word, candidates))
    return fmt::format("did you mean {}?", in_quotes(*near));
  return candidates.empty() ? std::string{} : "available: " + listed(candidates);
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i == max_listed) return out + fmt::format(" and {} more", words.size() - i);
    if (i > 0) out += ", ";
    out += in_quotes(words[i]);
  }
  return out;
}

}  // namespace etl::runtime
