/// \file
/// Deflate without a wrapper, by isa-l or by zlib.
#pragma once

#include "inflate.hpp"

#include <cstdint>
#include <memory>

namespace wikipedia {

/// Decodes one deflate stream (RFC 1951) after the other. Used by one thread at a time.
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

  /// Begins a new stream.
  virtual void reset() = 0;
  /// Decodes until the output is full, the input used up, or the stream at its end, which is when
  /// the answer is true and `in` at the byte after it. That byte may lie up to eight bytes in front
  /// of where `in` stood when the call was made: the bytes there must still be those of earlier
  /// calls. Throws GzipError.
  virtual bool step(Cursor& cursor) = 0;
  /// Bytes that it holds.
  [[nodiscard]] virtual std::size_t memory() const = 0;
  /// Continues the CRC-32 of gzip.
  [[nodiscard]] virtual std::uint32_t crc(std::uint32_t crc, const std::uint8_t* data,
                                          std::size_t size) const = 0;
};

/// REQUIRES: has_decoder(decoder).
[[nodiscard]] std::unique_ptr<RawInflate> make_raw_inflate(Decoder decoder);

}  // namespace wikipedia
