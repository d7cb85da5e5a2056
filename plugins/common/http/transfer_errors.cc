#include "plugins/common/http/transfer_errors.hpp"

#include <algorithm>
#include <array>

namespace http {
namespace {

// The first match counts. 206, 304 and 416 get here only if the request did not allow for them, a
// 3xx only if it is not a redirect or lacks a location.
constexpr std::array status_rules{
    StatusRule{404, 404, etl::Code::missing, "no such file"},
    // Gone for good, but still a missing file, not a bad request.
    StatusRule{410, 410, etl::Code::missing, "no longer there"},
    // The request was sent at once, so the network is slow.
    StatusRule{408, 408, etl::Code::transient, "the server timed out"},
    StatusRule{429, 429, etl::Code::transient, "too many requests"},
    StatusRule{503, 503, etl::Code::transient,
               "the server is busy, or has too many connections from here"},
    // Every 5xx is a fault of the server, which will be repaired.
    StatusRule{500, 599, etl::Code::transient, "the server failed"},
    StatusRule{401, 401, etl::Code::permanent, "the server requires a password"},
    StatusRule{407, 407, etl::Code::permanent, "the proxy requires a password"},
    StatusRule{
        403, 403, etl::Code::permanent,
        "forbidden; some servers refuse clients that do not identify themselves, and plain http"},
    StatusRule{400, 499, etl::Code::permanent, "the server refuses the request"},
    StatusRule{206, 206, etl::Code::transient, "part of the file instead of all of it"},
    StatusRule{0, 999, etl::Code::permanent, "unexpected status for a download"},
};

// Failures of the network or the server are transient; those due to a certificate, the URL or this
// build of libcurl are permanent. An unlisted code is transient as well: retries are bounded, and
// failing for good on a harmless code would be worse.
#define CURL_RULE(code, meaning) \
  CurlRule { code, #code, etl::Code::meaning }
constexpr std::array curl_rules{
    // The protocol of the URL was checked before, so the server does not speak HTTP: it may have
    // sent the rest of a response that it announced as shorter.
    CURL_RULE(CURLE_UNSUPPORTED_PROTOCOL, transient),
    CURL_RULE(CURLE_URL_MALFORMAT, permanent),
    CURL_RULE(CURLE_NOT_BUILT_IN, permanent),
    CURL_RULE(CURLE_COULDNT_RESOLVE_PROXY, transient),
    // A misspelt host looks the same as a resolver that fails for a minute.
    CURL_RULE(CURLE_COULDNT_RESOLVE_HOST, transient),
    CURL_RULE(CURLE_COULDNT_CONNECT, transient),
    CURL_RULE(CURLE_WEIRD_SERVER_REPLY, transient),
    CURL_RULE(CURLE_PARTIAL_FILE, transient),
    CURL_RULE(CURLE_OUT_OF_MEMORY, transient),
    CURL_RULE(CURLE_OPERATION_TIMEDOUT, transient),
    // An aborted handshake; rejected certificates have codes of their own, below.
    CURL_RULE(CURLE_SSL_CONNECT_ERROR, transient),
    CURL_RULE(CURLE_GOT_NOTHING, transient),
    CURL_RULE(CURLE_SEND_ERROR, transient),
    CURL_RULE(CURLE_RECV_ERROR, transient),
    CURL_RULE(CURLE_PROXY, transient),
    CURL_RULE(CURLE_SSL_ENGINE_NOTFOUND, permanent),
    CURL_RULE(CURLE_SSL_CERTPROBLEM, permanent),
    CURL_RULE(CURLE_SSL_CIPHER, permanent),
    CURL_RULE(CURLE_PEER_FAILED_VERIFICATION, permanent),
    CURL_RULE(CURLE_SSL_CACERT_BADFILE, permanent),
    CURL_RULE(CURLE_SSL_CRL_BADFILE, permanent),
    CURL_RULE(CURLE_SSL_ISSUER_ERROR, permanent),
    CURL_RULE(CURLE_SSL_PINNEDPUBKEYNOTMATCH, permanent),
    CURL_RULE(CURLE_SSL_INVALIDCERTSTATUS, permanent),
    CURL_RULE(CURLE_SSL_CLIENTCERT, permanent),
};
#undef CURL_RULE

std::string describe(Progress progress) {
  std::string text = " (got " + std::to_string(progress.got);
  if (progress.expected >= 0) text += " of " + std::to_string(progress.expected);
  return text + " bytes)";
}

std::string compose(std::string_view url, std::string_view what, Progress progress) {
  return std::string(url).append(": ").append(what) + describe(progress);
}

}  // namespace

std::span<const StatusRule> http_rules() { return status_rules; }

std::span<const CurlRule> libcurl_rules() { return curl_rules; }

etl::Error http_error(std::string_view url, long status, Progress progress) {
  const auto* rule = std::find_if(
      status_rules.begin(), status_rules.end(),
      [&](const StatusRule& each) { return each.first <= status && status <= each.last; });
  const bool known = rule != status_rules.end();
  const std::string what = "HTTP " + std::to_string(status) + ": " +
                           std::string(known ? rule->meaning : "unknown status");
  return {known ? rule->code : etl::Code::permanent, compose(url, what, progress)};
}

etl::Error curl_error(std::string_view url, CURLcode code, std::string_view detail,
                      Progress progress) {
  const auto* rule = std::ranges::find(curl_rules, code, &CurlRule::code);
  std::string what = curl_easy_strerror(code);
  if (!detail.empty() && detail != what) what.append(": ").append(detail);
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    what +=
        "; if a private authority has issued the certificate, give that of the authority as "
        "ca_file";
  }
  return {rule == curl_rules.end() ? etl::Code::transient : rule->meaning,
          compose(url, what, progress)};
}

etl::Error transfer_error(std::string_view url, std::string_view what, Progress progress) {
  return etl::Error::transient(compose(url, what, progress));
}

}  // namespace http
