/// \file
/// Decoding of raw deflate data by isa-l or zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace compression {

/// Damaged content of a gzip file. The message says what is wrong and in which member; the caller
/// adds the name of the file and decides what follows, since a truncated download may be complete
/// the next time.
class GzipError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The library that decodes deflate. Framing and checks are the same for both.
enum class Decoder { zlib, isal };

/// Returns whether `decoder` was built in.
[[nodiscard]] bool has_decoder(Decoder decoder);
/// Returns isa-l, which is more than twice as fast, or zlib if isa-l was not built in or
/// `ETL_NO_ISAL=1` is set.
[[nodiscard]] Decoder default_decoder();

/// Decodes deflate streams (RFC 1951), one after the other. Used by one thread at a time.
class RawInflate {
 public:
  /// Input and output positions; advanced by step(). Borrowed.
  struct Cursor {
    const std::uint8_t* in;
    const std::uint8_t* in_end;
    std::uint8_t* out;
    std::uint8_t* out_end;
  };

  RawInflate() = default;
  RawInflate(const RawInflate&) = delete;
  RawInflate& operator=(const RawInflate&) = delete;
  virtual ~RawInflate() = default;

  /// Starts a new stream.
  virtual void reset() = 0;
  /// Decodes until the output is full, the input is used up or the stream ends. In the last case
  /// returns true and leaves `in` at the first byte after the stream, which may lie up to eight
  /// bytes before its position at the call: those bytes must still be in place. Throws GzipError.
  virtual bool step(Cursor& cursor) = 0;
  /// Returns the number of bytes held.
  [[nodiscard]] virtual std::size_t memory() const = 0;
  /// Continues the CRC-32 of gzip.
  [[nodiscard]] virtual std::uint32_t crc(std::uint32_t crc, const std::uint8_t* data,
                                          std::size_t size) const = 0;
};

/// REQUIRES: has_decoder(decoder).
[[nodiscard]] std::unique_ptr<RawInflate> make_raw_inflate(Decoder decoder);

}  // namespace compression
