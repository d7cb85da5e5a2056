#include "plugins/common/compression/raw_inflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <string_view>

#if ETL_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

namespace compression {
namespace {

/// Returns a size that fits the 32-bit counters of both libraries.
unsigned count(const std::uint8_t* from, const std::uint8_t* to) {
  return static_cast<unsigned>(
      std::min<std::ptrdiff_t>(to - from, std::numeric_limits<unsigned>::max() / 2));
}

class ZlibInflate final : public RawInflate {
 public:
  ZlibInflate() {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~ZlibInflate() override { inflateEnd(&stream_); }

  void reset() override { inflateReset(&stream_); }

  bool step(Cursor& cursor) override {
    stream_.next_in = const_cast<Bytef*>(cursor.in);  // zlib does not write there
    stream_.avail_in = count(cursor.in, cursor.in_end);
    stream_.next_out = cursor.out;
    stream_.avail_out = count(cursor.out, cursor.out_end);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    cursor.in = stream_.next_in;
    cursor.out = stream_.next_out;
    if (code == Z_STREAM_END) return true;
    if (code == Z_OK || code == Z_BUF_ERROR) return false;
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    throw GzipError(std::string("invalid deflate data (zlib: ") +
                    (stream_.msg != nullptr ? stream_.msg : zError(code)) + ")");
  }

  std::uint32_t crc(std::uint32_t crc, const std::uint8_t* data, std::size_t size) const override {
    return static_cast<std::uint32_t>(crc32_z(crc, data, size));
  }

  /// The window, and roughly what zlib documents (zlib.net/zlib_tech.html) in addition.
  std::size_t memory() const override { return (std::size_t{1} << MAX_WBITS) + 12'000; }

 private:
  z_stream stream_{};
};

#if ETL_ISAL

std::string_view isal_message(int code) {
  switch (code) {
    case ISAL_INVALID_BLOCK:
      return "invalid block";
    case ISAL_INVALID_SYMBOL:
      return "invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "invalid distance";
    default:
      return "unexpected error";
  }
}

/// isa-l could also read header and trailer (ISAL_GZIP), but it then needs the whole header in one
/// piece, does not distinguish a wrong length from a wrong CRC, and reports errors unlike zlib.
class IsalInflate final : public RawInflate {
 public:
  IsalInflate() {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_DEFLATE;
  }

  void reset() override {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_DEFLATE;
  }

  bool step(Cursor& cursor) override {
    state_.next_in = const_cast<std::uint8_t*>(cursor.in);  // isa-l does not write there
    state_.avail_in = count(cursor.in, cursor.in_end);
    state_.next_out = cursor.out;
    state_.avail_out = count(cursor.out, cursor.out_end);
    const int code = isal_inflate(&state_);
    cursor.in = state_.next_in;
    cursor.out = state_.next_out;
    if (code < 0) {
      throw GzipError("invalid deflate data (isa-l: " + std::string(isal_message(code)) + ")");
    }
    if (state_.block_state != ISAL_BLOCK_FINISH) return false;
    // Whole bytes left in the bit buffer belong to the data after the stream.
    cursor.in -= state_.read_in_length / 8;
    return true;
  }

  std::uint32_t crc(std::uint32_t crc, const std::uint8_t* data, std::size_t size) const override {
    return crc32_gzip_refl(crc, data, size);
  }

  std::size_t memory() const override { return sizeof(*this); }

 private:
  inflate_state state_{};
};

#endif

}  // namespace

bool has_decoder([[maybe_unused]] Decoder decoder) {
#if ETL_ISAL
  return true;
#else
  return decoder == Decoder::zlib;
#endif
}

Decoder default_decoder() {
  const char* off = std::getenv("ETL_NO_ISAL");
  const bool wanted = off == nullptr || std::string_view(off) != "1";
  return wanted && has_decoder(Decoder::isal) ? Decoder::isal : Decoder::zlib;
}

std::unique_ptr<RawInflate> make_raw_inflate(Decoder decoder) {
#if ETL_ISAL
  if (decoder == Decoder::isal) return std::make_unique<IsalInflate>();
#endif
  if (decoder != Decoder::zlib) throw std::logic_error("this build has no isa-l");
  return std::make_unique<ZlibInflate>();
}

}  // namespace compression
