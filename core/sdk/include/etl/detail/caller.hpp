/// \file
/// For those who call a stage's table, which is the host and the conformance kit.
#pragma once

#include <etl/schema.hpp>

#include <exception>
#include <utility>
#include <vector>

namespace etl::inline v1::detail {

/// Keeps the first exception of a callback until the C function that called it has returned.
class Callback {
 public:
  /// Runs `body`; returns 0, or 1 once anything has been thrown.
  template <class Body>
  int run(Body&& body) noexcept {
    try {
      if (!thrown_) body();
    } catch (...) {
      thrown_ = std::current_exception();
    }
    return thrown_ ? 1 : 0;
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

/// Exports `schema` for a call into a plugin.
[[nodiscard]] inline OwnedSchema exported(const Schema& schema) {
  OwnedSchema out;
  export_schema(schema, out.out());
  return out;
}

/// The functions that every stage of a kind must have, and whether this one has them.
using RequiredFunctions = std::vector<std::pair<const char*, bool>>;

[[nodiscard]] inline RequiredFunctions required_functions(const etl_source& calls,
                                                          bool /*ledger*/) {
  return {{"schema", calls.schema != nullptr},
          {"plan", calls.plan != nullptr},
          {"read", calls.read != nullptr}};
}
[[nodiscard]] inline RequiredFunctions required_functions(const etl_filter& calls,
                                                          bool /*ledger*/) {
  return {{"schema", calls.schema != nullptr},
          {"open", calls.open != nullptr},
          {"apply", calls.apply != nullptr},
          {"close", calls.close != nullptr}};
}
/// `ledger`: whether the sink says that it keeps one.
[[nodiscard]] inline RequiredFunctions required_functions(const etl_sink& calls, bool ledger) {
  return {{"check", calls.check != nullptr},
          {"open", calls.open != nullptr},
          {"write", calls.write != nullptr},
          {"commit", calls.commit != nullptr},
          {"close", calls.close != nullptr},
          {"committed", !ledger || calls.committed != nullptr},
          {"record", !ledger || calls.record != nullptr}};
}

}  // namespace etl::inline v1::detail
