/// \file
/// Reading gzip files as a stream.
#pragma once

#include "plugins/common/compression/raw_inflate.hpp"
#include "plugins/common/files/file_handle.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace compression {

/// A gzip file (RFC 1952) of any number of members, decoded piece by piece. Zero bytes after a
/// member are padding, as for gzip itself; anything else there is an error. CRC-32 and length of
/// every member are checked before read() reports the end.
///
/// A file that was cut between two members is intact by these checks. Only BGZF, whose files end
/// with an empty member, shows it: without that member the file is an error.
///
/// Used by one thread at a time. Keeps the file open and holds about 256 KiB.
class GzipFile {
 public:
  static constexpr std::size_t default_chunk = std::size_t{128} << 10;

  /// Opens `path`; `chunk` is the number of compressed bytes read at once. Throws etl::Error naming
  /// the path: missing if it does not exist, else permanent or transient depending on errno.
  explicit GzipFile(const std::filesystem::path& path, Decoder decoder = default_decoder(),
                    std::size_t chunk = default_chunk);
  /// Reads `file`, which is open at its beginning; `path` is for messages.
  GzipFile(files::FileHandle file, std::filesystem::path path, Decoder decoder = default_decoder(),
           std::size_t chunk = default_chunk);
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;

  /// Decodes into `out` until it is full or the file ends; returns the number of bytes. 0 = the
  /// end, with all checks passed. Throws GzipError, or etl::Error if the file cannot be read.
  /// REQUIRES: `out` is not empty, and no call has thrown.
  [[nodiscard]] std::size_t read(std::span<char> out);

  /// Returns the number of bytes held.
  [[nodiscard]] std::size_t memory() const;

 private:
  /// isa-l reads up to eight bytes beyond a member and returns them by moving the input back.
  static constexpr std::size_t kept = 8;

  bool refill();
  [[nodiscard]] bool at_end();
  std::uint8_t take_byte(const char* inside);
  std::uint32_t take_little_endian(int bytes, const char* inside);
  bool decode(RawInflate::Cursor& cursor);
  bool next_member();
  void read_header();
  [[nodiscard]] bool take_extra_field();
  void skip_text_field();
  void check_trailer();
  [[noreturn]] void refuse_first_bytes() const;

  std::filesystem::path path_;
  files::FileHandle file_;
  std::unique_ptr<RawInflate> inflate_;
  std::vector<std::uint8_t> buffer_;    // the last `kept` bytes read before, then a chunk
  const std::uint8_t* next_ = nullptr;  // unused input, within buffer_
  const std::uint8_t* end_ = nullptr;
  std::int64_t member_ = 0;  // counts from 1
  bool inside_ = false;      // between a member's header and trailer
  bool bgzf_ = false;        // the member is a block of BGZF
  std::uint32_t header_crc_ = 0;
  std::uint32_t crc_ = 0;
  std::uint32_t size_ = 0;  // modulo 2^32, as in the trailer
};

}  // namespace compression
