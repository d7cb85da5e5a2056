/// \file
/// A stack for crash handlers: a thread that ran out of stack has none left to run one on.
#pragma once

#include <csignal>
#include <cstddef>
#include <memory>

namespace etl::runtime {

/// The alternate signal stack of the thread that makes it, for its lifetime. Without one a stack
/// overflow still ends the process, but the handler cannot record which thread caused it.
class CrashStack {
 public:
  CrashStack() {
    stack_t fresh{};
    fresh.ss_sp = memory_.get();
    fresh.ss_size = size;
    set_ = sigaltstack(&fresh, &before_) == 0;
  }
  ~CrashStack() {
    if (set_) sigaltstack(&before_, nullptr);
  }
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

 private:
  static constexpr std::size_t size = std::size_t{64} << 10;
  std::unique_ptr<std::byte[]> memory_ = std::make_unique<std::byte[]>(size);
  stack_t before_{};
  bool set_ = false;
};

}  // namespace etl::runtime
