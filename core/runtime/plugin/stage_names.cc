#include "core/runtime/plugin/stage_names.hpp"

#include <etl/abi.h>
#include <etl/detail/split.hpp>

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <string_view>

namespace etl::runtime {
namespace {

/// Limits far above any real library: a damaged file may claim anything.
constexpr std::size_t most_sections = 4096;
constexpr std::size_t most_bytes = std::size_t{64} << 10;

/// The sections of an ELF file for this machine. Empty if its header is implausible.
class Sections {
 public:
  explicit Sections(const std::filesystem::path& path) : file_(path, std::ios::binary) {
    ElfW(Ehdr) head{};
    if (!read(0, &head, sizeof(head)) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) return;
    constexpr unsigned char own_class = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
    constexpr unsigned char own_order =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    if (head.e_ident[EI_CLASS] != own_class || head.e_ident[EI_DATA] != own_order) return;
    if (head.e_shentsize != sizeof(ElfW(Shdr)) || head.e_shnum > most_sections) return;
    if (head.e_shstrndx >= head.e_shnum) return;
    headers_.resize(head.e_shnum);
    if (!read(head.e_shoff, headers_.data(), headers_.size() * sizeof(headers_[0]))) return;
    names_ = text(headers_[head.e_shstrndx]).value_or(std::string());
  }

  [[nodiscard]] std::optional<std::string> find(std::string_view name) {
    for (const ElfW(Shdr) & header : headers_) {
      if (header.sh_name >= names_.size()) continue;
      // std::string adds the final NUL if the table of names lacks it.
      if (name == names_.c_str() + header.sh_name) return text(header);
    }
    return std::nullopt;
  }

 private:
  bool read(std::uint64_t at, void* to, std::size_t size) {
    file_.seekg(static_cast<std::streamoff>(at));
    file_.read(static_cast<char*>(to), static_cast<std::streamsize>(size));
    return file_.good();
  }
  std::optional<std::string> text(const ElfW(Shdr) & header) {
    if (header.sh_type == SHT_NOBITS || header.sh_size > most_bytes) return std::nullopt;
    std::string bytes(header.sh_size, '\0');
    if (!read(header.sh_offset, bytes.data(), bytes.size())) return std::nullopt;
    return bytes;
  }

  std::ifstream file_;
  std::vector<ElfW(Shdr)> headers_;
  std::string names_;
};

}  // namespace

std::optional<std::vector<std::string>> stage_names(const std::filesystem::path& library) {
  const std::optional<std::string> text = Sections(library).find(ETL_STAGES_SECTION);
  if (!text || !text->ends_with('\n')) return std::nullopt;
  const std::vector<std::string_view> names = detail::split(*text, '\n');
  const bool sound = std::ranges::none_of(names, [](std::string_view name) {
    return name.empty() || name.find('\0') != std::string_view::npos;
  });
  if (!sound) return std::nullopt;
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace etl::runtime
