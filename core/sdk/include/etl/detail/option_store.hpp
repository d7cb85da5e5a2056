/// \file
/// A deep copy of option values, to keep them longer than the call that passed them.
#pragma once

#include <etl/options.hpp>

#include <deque>
#include <span>
#include <string>
#include <vector>

namespace etl::inline v1::detail {

/// Owns copies of option values. Neither copied nor moved, because values() points into it.
class OptionStore {
 public:
  explicit OptionStore(std::span<const etl_option> values) : values_(values.begin(), values.end()) {
    for (etl_option& value : values_) {
      value.name = keep(value.name);
      if (value.type == ETL_OPTION_STRING || value.type == ETL_OPTION_PATH ||
          value.type == ETL_OPTION_URL) {
        value.value.s = keep(value.value.s);
      } else if (value.type == ETL_OPTION_LIST || value.type == ETL_OPTION_MAP) {
        std::vector<etl_str>& list = lists_.emplace_back();
        for (std::size_t i = 0; i < value.value.list.size; ++i)
          list.push_back(keep(value.value.list.data[i]));
        value.value.list.data = list.data();
      }
    }
  }
  OptionStore(const OptionStore&) = delete;
  OptionStore& operator=(const OptionStore&) = delete;

  [[nodiscard]] Options view() const { return Options(values_); }
  [[nodiscard]] std::span<const etl_option> values() const { return values_; }

 protected:
  std::deque<std::string> texts_;

 private:
  etl_str keep(etl_str text) { return to_abi(texts_.emplace_back(to_view(text))); }

  std::vector<etl_option> values_;
  std::deque<std::vector<etl_str>> lists_;
};

}  // namespace etl::inline v1::detail
