// Headers of a download, the metadata file of a partial one, and URLs: each is parsed correctly or
// refused, and a redirect never leaves an encrypted connection.
//
// Input: which parser, then one text per line.
#include "fuzz.hpp"
#include "plugins/common/http/part_meta.hpp"
#include "plugins/common/http/redirect.hpp"
#include "plugins/common/http/response.hpp"
#include "plugins/wikipedia/base_url.hpp"

#include <etl/error.hpp>

namespace {

using namespace http;
using wikipedia::BaseUrl;

void check_range(std::string_view value) {
  const auto range = parse_content_range(value);
  if (!range) return;
  fuzz::require(range->first <= range->last && range->first >= -1 && range->total >= -1,
                "a range that is none", value);
}

void check_meta(std::string_view text) {
  const auto meta = parse_part_meta(text);
  if (meta) fuzz::require(to_text(*meta) == text, "read otherwise than it was written", text);
}

void check_redirect_of(std::string_view from, std::string_view to, int followed) {
  try {
    check_redirect(from, to, followed);
  } catch (const etl::Error& error) {
    fuzz::require(error.code() == etl::Code::permanent, "refused, but not for good");
    return;
  }
  fuzz::require(is_web_url(to), "a redirect out of the web", to);
  const auto secure = [](std::string_view url) {
    std::string scheme(url.substr(0, 8));
    for (char& c : scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return scheme == "https://";
  };
  fuzz::require(!secure(from) || secure(to), "a redirect out of encryption", to);
}

void check_base_url(std::string_view text) {
  try {
    const BaseUrl url(text);
    const std::string shown = url.shown("f");
    const std::size_t host = shown.find("://") + 3;
    fuzz::require(shown.substr(host, shown.find('/', host) - host).find('@') == std::string::npos,
                  "user and password are shown", shown);
    fuzz::require(!url.local() || url.folder().is_absolute(), "a folder that is not absolute");
    fuzz::require(url.folder().string().find('\0') == std::string::npos, "a NUL byte in a path");
  } catch (const etl::Error& error) {
    fuzz::require(error.code() == etl::Code::config && error.option() == "base_url",
                  "refused, but not as a mistake in the option");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  switch (input.byte() % 5U) {
    case 0:
      check_range(input.rest());
      break;
    case 1:
      check_meta(input.rest());
      break;
    case 2: {
      const int followed = input.byte();
      const std::string_view from = input.until('\n');
      check_redirect_of(from, input.rest(), followed % 8);
      break;
    }
    case 3:
      check_base_url(input.rest());
      break;
    default: {
      const std::string etag(input.until('\n'));
      const std::string modified(input.until('\n'));
      const std::string date(input.rest());
      const std::string validator = choose_validator(etag, modified, date);
      fuzz::require(validator.empty() || validator == etag || validator == modified,
                    "a validator that nobody gave");
      break;
    }
  }
  return 0;
}
