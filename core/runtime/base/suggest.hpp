/// \file
/// "Did you mean ...?": the closest known word to an unknown one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// The candidate that `word` is most likely a typo of, or nothing if none is close: few edits away
/// (a letter added, dropped or changed, two swapped), or one is a prefix of the other. Ignores
/// letter case and treats '-' and '_' as equal. Of equally close candidates the first wins.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 const std::vector<std::string>& candidates);

/// `did you mean "x"?`, or `available: "a", "b"` if no candidate is close; empty without
/// candidates.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& candidates);

/// `"a", "b", "c"`; a long list ends with the number of omitted words.
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

}  // namespace etl::runtime
