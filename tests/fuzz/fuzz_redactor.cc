// Conceals texts that contain a secret and recognizable passwords: none may remain.
//
// Input: user, password, host, secret, text, one per line; in the text, \x02 stands for the secret,
// \x03 for a URI and \x04 for key=value pairs with the password.
#include "core/runtime/base/redactor.hpp"
#include "fuzz.hpp"

namespace {

using etl::runtime::Redactor;

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    out += '%';
    out += digits[static_cast<unsigned char>(c) >> 4U];
    out += digits[static_cast<unsigned char>(c) & 15U];
  }
  return out;
}

std::string in_single_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string user = percent_encoded(input.until('\n'));
  const std::string_view password = input.until('\n');
  const std::string host = percent_encoded(input.until('\n'));
  const std::string secret(input.until('\n'));
  const std::string uri = "postgresql://" + user + ":" + percent_encoded(password) + "@" + host;
  const std::string pairs = "host=" + host + " password = " + in_single_quotes(password);

  std::string text;
  while (!input.empty()) {
    const auto c = static_cast<char>(input.byte());
    if (c == '\x02') text += secret;
    else if (c == '\x03') text += uri + " ";
    else if (c == '\x04') text += " " + pairs + " ";
    else text += c;
  }
  Redactor redactor;
  redactor.add(secret);
  const std::string shown = redactor.conceal(text);
  // The inserted stars may form a secret that contains stars; that reveals nothing.
  const bool told = secret.size() >= 4 && secret.find('*') == std::string::npos;
  fuzz::require(!told || shown.find(secret) == std::string::npos, "a secret comes out", shown);

  // Recognized without registration, whatever its length.
  const Redactor untold;
  if (password.empty()) return 0;
  const std::string in_uri = untold.conceal("at " + uri + "/db");
  fuzz::require(in_uri == "at postgresql://" + user + ":***@" + host + "/db",
                "the password of a URI comes out", in_uri);
  const std::string in_pairs = untold.conceal("with " + pairs + " port=1");
  fuzz::require(in_pairs == "with host=" + host + " password = '***' port=1",
                "the password of a pair comes out", in_pairs);

  // Told the connection string, it knows the password by itself.
  for (const std::string& secret_string : {uri, pairs}) {
    Redactor knows;
    knows.add(secret_string);
    const std::string alone = knows.conceal(password);
    fuzz::require(password.size() < 4 || password.find('*') != std::string_view::npos ||
                      alone.find(password) == std::string::npos,
                  "a password inside a secret comes out", alone);
  }
  return 0;
}
