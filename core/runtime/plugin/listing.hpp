/// \file
/// Lists that a plugin passes to a callback, one record at a time.
#pragma once

#include "core/runtime/plugin/older_tables.hpp"
#include "core/runtime/plugin/stage.hpp"

#include <utility>
#include <vector>

namespace etl::runtime {

/// Calls `function`, which passes each Abi record to a callback, and returns them as Records.
template <class Record, class Abi, class Function, class... Args>
std::vector<Record> listed(const Stage& stage, Function* function, Args... args) {
  struct Listing {
    std::vector<Record> records;
    Callback callback;
  } listing;
  const auto add = [](void* ctx, const Abi* record) {
    auto& out = *static_cast<Listing*>(ctx);
    out.callback.run([&] { out.records.push_back(detail::from_abi(whole(record))); });
  };
  stage.call(listing.callback, function, args..., +add, static_cast<void*>(&listing));
  return std::move(listing.records);
}

}  // namespace etl::runtime
