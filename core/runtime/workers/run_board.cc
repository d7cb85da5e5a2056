#include "core/runtime/workers/run_board.hpp"

#include <etl/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace etl::runtime {
namespace {

Error no_board(const char* what) {
  return Error::transient(
      fmt::format("cannot share memory with worker processes: {}: {}", what, std::strerror(errno)));
}

}  // namespace

struct RunBoard::Layout {
  FaultCounters faults{};
  WorkerBoard workers[1];
};

RunBoard::RunBoard(std::size_t workers)
    : RunBoard(Descriptor(::memfd_create("etl-run", MFD_CLOEXEC)), workers, true) {}

RunBoard RunBoard::inherited(int descriptor, std::size_t workers) {
  return {Descriptor(descriptor), workers, false};
}

RunBoard::RunBoard(Descriptor file, std::size_t workers, bool fresh)
    : file_(std::move(file)), size_(sizeof(Layout) + (workers - 1) * sizeof(WorkerBoard)) {
  if (!file_) throw no_board("memfd_create");
  if (fresh && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
    throw no_board("ftruncate");
  memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (memory_ == MAP_FAILED) throw no_board("mmap");
  if (!fresh) return;
  for (std::atomic<std::int64_t>& counter : faults()) new (&counter) std::atomic<std::int64_t>(0);
  for (std::size_t i = 0; i < workers; ++i) new (&worker(i)) WorkerBoard();
}

RunBoard::RunBoard(RunBoard&& other) noexcept
    : file_(std::move(other.file_)),
      size_(other.size_),
      memory_(std::exchange(other.memory_, nullptr)) {}

RunBoard::~RunBoard() {
  if (memory_ != nullptr) ::munmap(memory_, size_);
}

WorkerBoard& RunBoard::worker(std::size_t number) {
  return static_cast<Layout*>(memory_)->workers[number];
}

FaultCounters& RunBoard::faults() { return static_cast<Layout*>(memory_)->faults; }

// ---- slots -------------------------------------------------------------------------------------

RunSlots::RunSlots(int board_descriptor)
    : file_(::open(fmt::format("/proc/self/fd/{}", board_descriptor).c_str(), O_RDWR | O_CLOEXEC)) {
  if (!file_) throw no_board("open");
  abi_.struct_size = sizeof(abi_);
  abi_.ctx = this;
  abi_.try_acquire = [](void* ctx, etl_str name, std::uint32_t limit) {
    return static_cast<RunSlots*>(ctx)->try_acquire({name.data, name.size}, limit);
  };
  abi_.release = [](void* ctx, int slot) { static_cast<RunSlots*>(ctx)->release(slot); };
}

/// Each name has 2^20 bytes for its slots, at one of 2^42 places given by its hash.
int RunSlots::try_acquire(std::string_view name, std::uint32_t limit) {
  const auto place = static_cast<std::int64_t>(XXH3_64bits(name.data(), name.size()) >> 22U);
  const MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < limit; ++i) {
    const std::int64_t byte = (place << 20U) + i + 1;
    // Locks of this process never conflict with each other: they have one owner.
    if (std::find(held_.begin(), held_.end(), byte) != held_.end()) continue;
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = byte;
    range.l_len = 1;
    if (::fcntl(file_.get(), F_OFD_SETLK, &range) != 0) {
      if (errno == EAGAIN || errno == EACCES || errno == EINTR) continue;
      return -2;
    }
    const auto free = std::find(held_.begin(), held_.end(), 0);
    const auto slot = free - held_.begin();
    if (free == held_.end()) held_.push_back(byte);
    else *free = byte;
    return static_cast<int>(slot);
  }
  return -1;
}

void RunSlots::release(int slot) {
  const MutexLock lock(mutex_);
  struct flock range {};
  range.l_type = F_UNLCK;
  range.l_whence = SEEK_SET;
  range.l_start = held_[static_cast<std::size_t>(slot)];
  range.l_len = 1;
  ::fcntl(file_.get(), F_OFD_SETLK, &range);
  held_[static_cast<std::size_t>(slot)] = 0;
}

}  // namespace etl::runtime
