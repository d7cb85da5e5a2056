/// \file
/// Exceptions in callbacks that C code calls.
#pragma once

#include <exception>

namespace etl::runtime {

/// Keeps the first exception of a callback until the C function that called it has returned.
class Callback {
 public:
  /// Runs `body`; returns 0, or 1 once anything has been thrown.
  template <class Body>
  int run(Body&& body) noexcept {
    if (thrown_) return 1;
    try {
      body();
      return 0;
    } catch (...) {
      thrown_ = std::current_exception();
      return 1;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

}  // namespace etl::runtime
