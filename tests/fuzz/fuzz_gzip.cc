// Reads a gzip file with both decoders in pieces of any size: they must agree on the text and on
// whether it is complete, and stay within their buffers.
//
// Input: mode, input piece size, output piece size, bytes. In mode 1 the bytes are deflate data and
// get a header and a matching trailer, because a fuzzer cannot guess a CRC.
#include "fuzz.hpp"
#include "plugins/common/compression/gzip_file.hpp"

#include <etl/error.hpp>

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <optional>
#include <vector>

namespace {

using compression::Decoder;
using compression::GzipError;
using compression::GzipFile;

constexpr std::size_t most = 256U << 10U;  // stops a gzip bomb

/// A file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : file_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    fuzz::require(file_ >= 0, "memfd_create");
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    fuzz::require(written == static_cast<ssize_t>(bytes.size()), "write to a memfd");
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(file_); }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

struct Text {
  std::string bytes;
  std::string error;  ///< empty = the end was reached, or `most`
};

Text read(const MemoryFile& file, Decoder decoder, std::size_t chunk, std::size_t piece) {
  Text text;
  GzipFile gzip(file.path(), decoder, chunk);
  try {
    while (text.bytes.size() < most) {
      std::vector<char> out(piece);  // separate memory, so that AddressSanitizer checks its bounds
      const std::size_t size = gzip.read(out);
      if (size == 0) return text;
      text.bytes.append(out.data(), size);
    }
  } catch (const GzipError& error) {
    text.error = error.what();
    fuzz::require(!text.error.empty(), "an error without a word");
    // How much it shows of what is no gzip depends on how much it has.
    if (text.error.starts_with("not gzip")) text.error = "not gzip";
  }
  return text;
}

std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (unsigned i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

/// Header, `deflate`, and the trailer that fits what zlib makes of it.
std::string with_trailer(std::string_view deflate) {
  std::string bytes = std::string("\x1F\x8B\x08\0\0\0\0\0\0\x03", 10);
  z_stream stream{};
  fuzz::require(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "inflateInit2");
  std::string in(deflate);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  uLong crc = crc32(0, nullptr, 0);
  int code = Z_OK;
  std::vector<Bytef> out(1U << 16U);
  while (code == Z_OK && stream.total_out < most) {
    stream.next_out = out.data();
    stream.avail_out = static_cast<uInt>(out.size());
    code = inflate(&stream, Z_NO_FLUSH);
    crc = crc32(crc, out.data(), static_cast<uInt>(out.size() - stream.avail_out));
  }
  bytes += deflate.substr(0, stream.total_in);
  bytes += little_endian(static_cast<std::uint32_t>(crc));
  bytes += little_endian(static_cast<std::uint32_t>(stream.total_out));
  bytes += deflate.substr(stream.total_in);
  inflateEnd(&stream);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const bool raw = input.byte() % 2 == 1;
  const std::size_t chunk = 1U + input.byte() * 7U;
  const std::size_t piece = std::size_t{1} << (input.byte() % 18U);
  const std::string bytes = raw ? with_trailer(input.rest()) : std::string(input.rest());
  const MemoryFile file(bytes);
  // A piece of one byte for megabytes of output would only cost time.
  const Text zlib = read(file, Decoder::zlib, chunk, std::max<std::size_t>(piece, 64));
  const Text whole = read(file, Decoder::zlib, GzipFile::default_chunk, std::size_t{1} << 18U);
  fuzz::require(zlib.error == whole.error, "pieces change the error", zlib.error);
  if (zlib.error.empty()) {
    const std::size_t both = std::min(zlib.bytes.size(), whole.bytes.size());
    fuzz::require(zlib.bytes.compare(0, both, whole.bytes, 0, both) == 0 &&
                      (zlib.bytes.size() == whole.bytes.size() || both >= most),
                  "pieces change the text");
  }
  if (!compression::has_decoder(Decoder::isal)) return 0;
  const Text isal = read(file, Decoder::isal, chunk, std::max<std::size_t>(piece, 64));
  fuzz::require(isal.error.empty() == zlib.error.empty(), "only one decoder refuses",
                "isa-l: " + isal.error + ", zlib: " + zlib.error);
  if (isal.error.empty())
    fuzz::require(isal.bytes == zlib.bytes, "the decoders read different texts");
  return 0;
}
