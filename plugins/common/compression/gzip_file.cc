#include "plugins/common/compression/gzip_file.hpp"

#include "plugins/common/text/printable.hpp"

#include <etl/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace compression {
namespace {

constexpr std::array<std::uint8_t, 2> magic = {0x1F, 0x8B};
constexpr std::uint8_t method_deflate = 8;

/// Bits of the header's FLG (RFC 1952, section 2.3.1).
enum : unsigned {
  flag_header_crc = 2,
  flag_extra = 4,
  flag_name = 8,
  flag_comment = 16,
  flags_reserved = 0xE0
};

/// Returns the error `PATH: system message`. Missing if there is no such file, transient if the
/// system may recover before the next attempt, else permanent.
etl::Error file_error(const std::filesystem::path& path, int code) {
  constexpr std::array passing{EIO, ESTALE, EMFILE, ENFILE, ENOMEM, EAGAIN};
  std::string message = path.string() + ": " + std::generic_category().message(code);
  if (code == ENOENT) return etl::Error::missing(std::move(message));
  const bool passes = std::ranges::find(passing, code) != passing.end();
  return {passes ? etl::Code::transient : etl::Code::permanent, std::move(message)};
}

bool is_regular(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
}

files::FileHandle open_file(const std::filesystem::path& path) {
  // O_NONBLOCK, because opening a named pipe would wait for a writer.
  files::FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) throw file_error(path, errno);
  return file;
}

}  // namespace

GzipFile::GzipFile(const std::filesystem::path& path, Decoder decoder, std::size_t chunk)
    : GzipFile(open_file(path), path, decoder, chunk) {}

GzipFile::GzipFile(files::FileHandle file, std::filesystem::path path, Decoder decoder,
                   std::size_t chunk)
    : path_(std::move(path)),
      file_(std::move(file)),
      inflate_(make_raw_inflate(decoder)),
      buffer_(kept + chunk) {
  next_ = end_ = buffer_.data() + kept;
  if (!is_regular(file_.get())) {
    throw etl::Error::permanent(path_.string() + ": not a regular file");
  }
  ::posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // only a hint: it may fail
}

std::size_t GzipFile::memory() const { return buffer_.capacity() + inflate_->memory(); }

/// Reads the next chunk once all input is used. Returns false at the end of the file.
bool GzipFile::refill() {
  std::memmove(buffer_.data(), end_ - kept, kept);
  std::uint8_t* const chunk = buffer_.data() + kept;
  next_ = end_ = chunk;
  const std::size_t room = buffer_.size() - kept;
  std::size_t size = 0;
  while (size < room) {
    const ssize_t count = ::read(file_.get(), chunk + size, room - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error(path_, errno);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  end_ = chunk + size;
  return size != 0;
}

bool GzipFile::at_end() { return next_ == end_ && !refill(); }

std::size_t GzipFile::read(std::span<char> out) {
  auto* const begin = reinterpret_cast<std::uint8_t*>(out.data());
  RawInflate::Cursor cursor{next_, end_, begin, begin + out.size()};
  while (cursor.out != cursor.out_end) {
    if (!inside_ && !next_member()) break;
    cursor.in = next_;
    cursor.in_end = end_;
    std::uint8_t* const from = cursor.out;
    const bool ended = decode(cursor);
    next_ = cursor.in;
    const auto produced = static_cast<std::size_t>(cursor.out - from);
    crc_ = inflate_->crc(crc_, from, produced);
    size_ += static_cast<std::uint32_t>(produced);
    if (ended) {
      check_trailer();
      inside_ = false;
    } else if (cursor.out != cursor.out_end && at_end()) {
      throw GzipError("ends in the middle of member " + std::to_string(member_));
    }
  }
  return static_cast<std::size_t>(cursor.out - begin);
}

bool GzipFile::decode(RawInflate::Cursor& cursor) {
  try {
    return inflate_->step(cursor);
  } catch (const GzipError& error) {
    throw GzipError(std::string(error.what()) + " in member " + std::to_string(member_));
  }
}

/// Starts the next member; returns false if there is none.
bool GzipFile::next_member() {
  if (member_ == 0 && at_end()) throw GzipError("empty file");
  while (member_ > 0 && !at_end() && *next_ == 0) ++next_;  // padding
  if (at_end()) {
    if (bgzf_ && size_ != 0) {
      throw GzipError("cut after member " + std::to_string(member_) +
                      ": the end marker of BGZF is missing");
    }
    return false;
  }
  ++member_;
  read_header();
  inflate_->reset();
  inside_ = true;
  crc_ = size_ = 0;
  return true;
}

void GzipFile::read_header() {
  const char* const where = "header";
  const auto seen = std::min<std::ptrdiff_t>(end_ - next_, magic.size());
  if (member_ == 1 && !std::equal(next_, next_ + seen, magic.begin())) refuse_first_bytes();
  header_crc_ = 0;
  if (take_byte(where) != magic[0] || take_byte(where) != magic[1]) {
    throw GzipError(member_ == 1 ? "not gzip"
                                 : "garbage after member " + std::to_string(member_ - 1));
  }
  if (take_byte(where) != method_deflate)
    throw GzipError("unknown compression method in the header of member " +
                    std::to_string(member_));
  const unsigned flags = take_byte(where);
  if ((flags & flags_reserved) != 0)
    throw GzipError("reserved flags in the header of member " + std::to_string(member_));
  take_little_endian(6, where);  // time, extra flags, operating system
  bgzf_ = (flags & flag_extra) != 0 && take_extra_field();
  if ((flags & flag_name) != 0) skip_text_field();
  if ((flags & flag_comment) != 0) skip_text_field();
  if ((flags & flag_header_crc) != 0) {
    const std::uint32_t expected = header_crc_ & 0xFFFFU;
    if (take_little_endian(2, where) != expected)
      throw GzipError("wrong CRC in the header of member " + std::to_string(member_));
  }
}

void GzipFile::refuse_first_bytes() const {
  constexpr std::ptrdiff_t most = 40;
  const auto size = static_cast<std::size_t>(std::min(end_ - next_, most));
  throw GzipError("not gzip: starts with \"" +
                  text::printable({reinterpret_cast<const char*>(next_), size}) + "\"");
}

/// Returns whether a subfield marks the member as a block of BGZF (SAM specification, 4.1).
bool GzipFile::take_extra_field() {
  std::string field;
  for (std::uint32_t left = take_little_endian(2, "header"); left > 0; --left) {
    field += static_cast<char>(take_byte("header"));
  }
  constexpr std::size_t head = 4;  // two letters, and the size of the rest
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(field[at]); };
  for (std::size_t at = 0; at + head <= field.size();) {
    const std::size_t size = byte(at + 2) + 256U * byte(at + 3);
    if (field[at] == 'B' && field[at + 1] == 'C' && size == 2) return true;
    at += head + size;
  }
  return false;
}

void GzipFile::skip_text_field() {
  while (take_byte("header") != 0) continue;
}

void GzipFile::check_trailer() {
  const char* const where = "trailer";
  const std::uint32_t crc = take_little_endian(4, where);
  const std::uint32_t size = take_little_endian(4, where);
  const std::string member = " of member " + std::to_string(member_);
  if (crc != crc_) throw GzipError("wrong CRC" + member);
  if (size != size_) throw GzipError("wrong length" + member);
}

std::uint8_t GzipFile::take_byte(const char* inside) {
  if (at_end()) {
    throw GzipError(std::string("ends in the ") + inside + " of member " + std::to_string(member_));
  }
  header_crc_ = inflate_->crc(header_crc_, next_, 1);
  return *next_++;
}

std::uint32_t GzipFile::take_little_endian(int bytes, const char* inside) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= std::uint64_t{take_byte(inside)} << (8 * i);
  return static_cast<std::uint32_t>(value);
}

}  // namespace compression
