/// \file
/// Instances of stages with a C++ interface: failures are thrown as StageError. SourceStage,
/// FilterStage and SinkStage add what their kind can do.
#pragma once

#include "core/runtime/base/cancellation.hpp"
#include "core/runtime/base/memory_account.hpp"
#include "core/runtime/plugin/older_tables.hpp"
#include "core/runtime/plugin/stage_error.hpp"

#include <etl/abi.h>
#include <etl/batch.hpp>
#include <etl/detail/caller.hpp>
#include <etl/ledger.hpp>
#include <etl/partition.hpp>
#include <etl/running.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace etl::runtime {

/// Receives the log lines of a stage.
using StageLog =
    std::function<void(const std::string& stage, std::uint32_t level, std::string_view text)>;

/// What the host provides to a stage. All of it must outlive the stage.
struct StageServices {
  Cancellation& cancellation;
  StageLog log;
  const etl_slots* slots = nullptr;  ///< shared by the processes of a run; nullptr: it is one
  MemoryAccount* memory = nullptr;   ///< of the run
  bool reads = true;                 ///< false: sources will not read any partition
  bool reload = false;               ///< the run loads again what is done
  std::function<void()> wake = {};   ///< a source's ready() may answer differently; may be empty
};

/// The error that a plugin reported, with defaults for a missing message or an unknown code.
[[nodiscard]] Error reported_error(int code, const etl_error& error);

using detail::Callback;
using detail::exported;

/// The base of the three kinds. Neither copied nor moved: the plugin holds a pointer to `host_`.
class Stage {
 public:
  Stage(const etl_stage& table, std::string name, std::span<const etl_option> options,
        const StageServices& services);
  virtual ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  [[nodiscard]] const std::string& name() const { return origin_.name; }
  /// `source "pageviews"`
  [[nodiscard]] std::string title() const { return origin_.title(); }
  [[nodiscard]] const etl_stage& table() const { return *table_; }
  /// The plugin's instance.
  [[nodiscard]] void* self() const { return self_; }
  /// Memory held by the stage and by batches on their way to or from it.
  [[nodiscard]] MemoryAccount& memory() const { return memory_; }
  /// `error` as a failure of this stage.
  [[nodiscard]] StageError failure(const Error& error) const { return {error, origin_}; }

  /// Calls `function`, one of this stage's table, with `args` and an error to fill in. Throws
  /// StageError unless it returns ETL_OK.
  template <class... Params, class... Args>
  void call(int (*function)(Params...), Args... args) const {
    call(Callback(), function, args...);
  }
  /// The same for a function that uses `callback`. An exception in the callback takes precedence:
  /// the stage is not to blame for it.
  template <class... Params, class... Args>
  void call(const Callback& callback, int (*function)(Params...), Args... args) const {
    etl_error error = detail::empty_error();
    const int code = function(args..., &error);
    callback.rethrow();
    if (code != ETL_OK) throw failure(reported_error(code, error));
  }

  /// Takes over (moves) a batch that this stage gave. Throws StageError if it does not match
  /// `schema`.
  [[nodiscard]] Batch accept(ArrowArray* array, std::shared_ptr<const Schema> schema) const;

 protected:
  /// Imports a schema that this stage gave. Throws StageError if it has no columns.
  [[nodiscard]] Schema imported(const detail::OwnedSchema& schema) const;

 private:
  static const Stage& of(void* ctx) { return *static_cast<const Stage*>(ctx); }

  const etl_stage* table_;
  Origin origin_;
  StageServices services_;
  mutable MemoryAccount memory_;
  etl_host host_{};
  void* self_ = nullptr;
};

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
