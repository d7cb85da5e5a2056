/// \file
/// Reading gzip files as a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace wikipedia {

/// Something is wrong with the bytes of a gzip file. Says what; the file's name is the caller's to
/// add, and so is the verdict, since a cut download may be whole the next time.
class GzipError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Who decodes deflate. Framing and checks are the same for both.
enum class Decoder { zlib, isal };

/// Whether it was built in.
[[nodiscard]] bool has_decoder(Decoder decoder);
/// isa-l, which is more than twice as fast, unless it was not built in or `ETL_NO_ISAL=1` is set.
[[nodiscard]] Decoder default_decoder();

class RawInflate;

/// A gzip file (RFC 1952) of any number of members, decoded piece by piece. Zero bytes after a
/// member are padding, as for gzip itself; anything else there is an error. CRC-32 and length of
/// every member are checked before read() says that the file has ended.
///
/// Used by one thread at a time. Holds the file open and about a quarter of a MiB.
class GzipFile {
 public:
  static constexpr std::size_t default_chunk = std::size_t{128} << 10;

  /// Opens `path`; `chunk` is the number of compressed bytes read at once. Throws etl::Error naming
  /// the path: missing where there is none, else permanent or transient as the system's error is.
  explicit GzipFile(std::filesystem::path path, Decoder decoder = default_decoder(),
                    std::size_t chunk = default_chunk);
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;
  ~GzipFile();

  /// Decodes into `out` until it is full or the file has ended; the number of bytes. 0 = the end,
  /// with everything checked. Throws GzipError, or etl::Error when the file cannot be read.
  /// REQUIRES: `out` is not empty, and no call has thrown.
  [[nodiscard]] std::size_t read(std::span<char> out);

  /// Bytes that it holds.
  [[nodiscard]] std::size_t memory() const;

 private:
  /// isa-l reads up to eight bytes too many at the end of a member; they are handed back.
  static constexpr std::size_t kept = 8;

  bool refill();
  [[nodiscard]] bool at_end();
  std::uint8_t take_byte(const char* inside);
  std::uint32_t take_little_endian(int bytes, const char* inside);
  bool next_member();
  void read_header();
  void skip_text_field();
  void check_trailer();
  [[noreturn]] void refuse_first_bytes() const;

  std::filesystem::path path_;
  int file_ = -1;
  std::unique_ptr<RawInflate> inflate_;
  std::vector<std::uint8_t> buffer_;    // `kept` bytes that were read before, then a chunk
  const std::uint8_t* next_ = nullptr;  // the input not yet used, inside buffer_
  const std::uint8_t* end_ = nullptr;
  std::int64_t member_ = 0;  // counts from 1
  bool inside_ = false;      // between a member's header and trailer
  std::uint32_t header_crc_ = 0;
  std::uint32_t crc_ = 0;
  std::uint32_t size_ = 0;  // modulo 2^32, as in the trailer
};

}  // namespace wikipedia
