/// \file
/// Memory for building columns.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

namespace etl::inline v1::detail {

/// Recycles the memory of released batches. Fresh memory costs a page fault per page, which takes a
/// quarter of the time of reading a stream of whole rows.
///
/// Each plugin library has one. Thread-safe, because one thread builds batches and another releases
/// them.
class SpareMemory {
 public:
  static constexpr std::size_t least_bytes = std::size_t{64} << 10;  ///< smaller blocks use malloc
  static constexpr std::size_t most_bytes = std::size_t{8} << 20;    ///< limit over all blocks

  /// Off under AddressSanitizer, which detects use after release only if the memory is freed.
#if defined(__SANITIZE_ADDRESS__)
  static constexpr bool reuses = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  static constexpr bool reuses = false;
#else
  static constexpr bool reuses = true;
#endif
#else
  static constexpr bool reuses = true;
#endif

  /// Never destroyed, because a batch may be released while the process exits.
  static SpareMemory& shared() {
    static auto& memory = *new SpareMemory;
    return memory;
  }

  struct Block {
    void* data = nullptr;
    std::size_t size = 0;
  };

  /// Returns a block of at least `bytes` and at most twice that, or an empty one.
  Block take(std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < count_; ++i) {
      if (blocks_[i].size < bytes || blocks_[i].size / 2 > bytes) continue;
      const Block block = std::exchange(blocks_[i], blocks_[--count_]);
      kept_ -= block.size;
      return block;
    }
    return {};
  }

  /// Takes ownership of a block from malloc.
  void give(Block block) {
    if (!keep(block)) std::free(block.data);
  }

 private:
  bool keep(Block block) {
    if (!reuses || block.size < least_bytes) return false;
    const std::scoped_lock lock(mutex_);
    if (count_ == blocks_.size() || kept_ + block.size > most_bytes) return false;
    blocks_[count_++] = block;
    kept_ += block.size;
    return true;
  }

  std::mutex mutex_;
  std::array<Block, 64> blocks_{};
  std::size_t count_ = 0;
  std::size_t kept_ = 0;  ///< bytes in all blocks
};

/// Growable, uninitialised memory for building a column.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { SpareMemory::shared().give({data_, capacity_}); }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] const std::byte* data() const { return data_; }
  [[nodiscard]] std::byte* data() { return data_; }

  /// Appends `bytes` of uninitialised memory. The result is valid until the next call.
  std::byte* extend(std::size_t bytes) {
    if (bytes > capacity_ - size_) grow(size_ + bytes);
    std::byte* end = data_ + size_;
    size_ += bytes;
    return end;
  }
  void append(const void* bytes, std::size_t count) {
    if (count != 0) std::memcpy(extend(count), bytes, count);
  }
  template <class T>
  void push(T value) {
    std::memcpy(extend(sizeof(T)), &value, sizeof(T));
  }
  void reserve(std::size_t bytes) {
    if (bytes > capacity_) grow(bytes);
  }

 private:
  void grow(std::size_t needed) {
    const std::size_t capacity = std::max({needed, capacity_ * 2, std::size_t{64}});
    if (capacity >= SpareMemory::least_bytes && move_to_spare(capacity)) return;
    void* data = std::realloc(data_, capacity);
    if (data == nullptr) throw std::bad_alloc();
    data_ = static_cast<std::byte*>(data);
    capacity_ = capacity;
  }

  bool move_to_spare(std::size_t capacity) {
    const SpareMemory::Block spare = SpareMemory::shared().take(capacity);
    if (spare.data == nullptr) return false;
    if (size_ != 0) std::memcpy(spare.data, data_, size_);
    SpareMemory::shared().give({data_, capacity_});
    data_ = static_cast<std::byte*>(spare.data);
    capacity_ = spare.size;
    return true;
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace etl::inline v1::detail
