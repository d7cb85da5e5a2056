/// \file
/// "Did you mean ...?": the nearest known word to one that is not known.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// The candidate that `word` is most likely a slip of: few edits away (a letter more, less, other,
/// or two swapped), or one begins with the other. Letter case, '-' and '_' do not count. Nothing
/// where no candidate is near. Of equally near ones the first.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 const std::vector<std::string>& candidates);

/// `did you mean "x"?`, or what there is where nothing is near: `there is: "a", "b"`; empty where
/// there is nothing.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& candidates);

/// `"a", "b", "c"`; a long list is cut and says how many are left out.
[[nodiscard]] std::string listed(const std::vector<std::string>& words);

}  // namespace etl::runtime
