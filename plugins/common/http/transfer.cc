#include "plugins/common/http/transfer.hpp"

#include "plugins/common/http/proxy.hpp"
#include "plugins/common/http/redirect.hpp"
#include "plugins/common/http/transfer_errors.hpp"
#include "plugins/common/http/url.hpp"

#include <strings.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace http {
namespace {

// The text of an error response is read up to this size, to see a redirect to its end.
constexpr std::int64_t longest_refusal = 65'536;

constexpr long proxy_authentication = 407;

std::string size_text(std::int64_t bytes) {
  constexpr std::int64_t gib = std::int64_t{1} << 30;
  return bytes % gib == 0 ? std::to_string(bytes / gib) + " GiB" : std::to_string(bytes) + " bytes";
}

std::string duration_text(std::chrono::milliseconds time) {
  const auto ms = time.count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Transfer::Transfer(EasyHandle handle, Remote remote, PartFile file, std::optional<PartMeta> cached,
                   const FetchOptions& options, const etl::Context& context, ConnectionSlot slot,
                   ClosedSockets& closed)
    : remote_(std::move(remote)),
      file_(std::move(file)),
      options_(options),
      context_(context),
      slot_(std::move(slot)),
      surplus_(closed),
      url_(remote_.url),
      handle_(std::move(handle)) {
  held_in_cache_ = cached && cached->resumable();
  if (held_in_cache_) {
    held_ = std::move(cached);
    held_size_ = held_->length;
  } else if (file_.meta() && file_.meta()->url == redact_url(remote_.url)) {
    held_ = file_.meta();
    held_size_ = file_.size();
  }
  if (held_) offset_ = std::clamp<std::int64_t>(held_->length - 1, 0, held_size_);
}

template <class T>
void Transfer::set(CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
  if (code != CURLE_OK) throw curl_error(shown_url(), code, "", progress());
}

void Transfer::prepare() {
  curl_easy_reset(handle_.get());
  body_ = Body::unknown;
  response_ = {};
  refusal_size_ = 0;
  last_byte_.reset();
  curl_text_.fill('\0');

  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // see check_redirect()
  // HTTP/2 would run all downloads over one connection and bypass the limit on connections.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // cancelling must not wait for an unresponsive name server
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  options_.authorities.apply(handle_.get());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  set(CURLOPT_ERRORBUFFER, curl_text_.data());
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  surplus_.watch(handle_.get());
  set_headers();
}

// Without Accept-Encoding, to get the bytes of the file as they are.
void Transfer::set_headers() {
  headers_.reset();
  if (offset_ == 0) return;  // nothing held
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    if (headers_ == nullptr) headers_.reset(longer);
  };
  add("Range: bytes=" + std::to_string(offset_) + "-");
  add("If-Range: " + held_->validator);
  set(CURLOPT_HTTPHEADER, headers_.get());
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count,
                              void* self) noexcept {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t length = size * count;
  transfer.last_byte_ = Clock::now();
  transfer.downloaded_ += static_cast<std::int64_t>(length);
  try {
    return transfer.take_body({bytes, length}) ? length : 0;
  } catch (const etl::Error& error) {
    transfer.failure_ = error;
  } catch (const std::exception& error) {
    transfer.failure_ = transfer_error(transfer.shown_url(), error.what(), transfer.progress());
  }
  return 0;
}

int Transfer::on_connected(void* self, char*, char*, int, int) noexcept {
  static_cast<Transfer*>(self)->last_byte_ = Clock::now();
  return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_header(char*, std::size_t size, std::size_t count, void* self) noexcept {
  static_cast<Transfer*>(self)->last_byte_ = Clock::now();
  return size * count;
}

/// Returns false to abort the request.
bool Transfer::take_body(std::string_view bytes) {
  if (body_ == Body::unknown) check_headers();
  switch (body_) {
    case Body::wanted:
      require_bounded(file_.size() + static_cast<std::int64_t>(bytes.size()));
      file_.append(bytes);
      return true;
    case Body::known:
      return true;
    case Body::refusal:
      refusal_size_ += static_cast<std::int64_t>(bytes.size());
      return refusal_size_ <= longest_refusal;
    case Body::unfit:
    case Body::unknown:
      return false;
  }
  return false;
}

void Transfer::check_headers() {
  response_ = read_response(handle_.get());
  if (response_.status == 200) {
    accept_whole();
  } else if (response_.status == 206 && offset_ > 0) {
    accept_rest();
  } else {
    body_ = Body::refusal;
  }
}

void Transfer::accept_whole() {
  constexpr std::string_view page = "text/html";
  if (::strncasecmp(response_.content_type.c_str(), page.data(), page.size()) == 0) {
    context_.warn(shown_url() + ": the content type is " + response_.content_type +
                  ", not that of a compressed file");
  }
  total_ = response_.length;
  require_bounded(total_);
  held_in_cache_ = false;
  file_.start_over(
      PartMeta{redact_url(remote_.url),
               choose_validator(response_.etag, response_.last_modified, response_.date), total_});
  body_ = Body::wanted;
}

/// Discards a file that is too large, since none of it will ever be used.
void Transfer::require_bounded(std::int64_t size) {
  if (size <= options_.largest_file) return;
  file_.start_over(std::nullopt);
  throw etl::Error::permanent(shown_url() + ": the server sends at least " + std::to_string(size) +
                              " bytes; the limit is " + size_text(options_.largest_file));
}

/// Accepts the body only if the response proves that it is the rest of the content we hold: it must
/// repeat the validator, since some servers ignore If-Range, and all lengths must agree.
void Transfer::accept_rest() {
  const auto& range = response_.range;
  const bool fits = range && range->first == offset_ && range->total == held_->length &&
                    (response_.length < 0 || response_.length == range->last - range->first + 1);
  const bool by_etag = held_->validator.starts_with('"');
  const bool same = held_->validator == (by_etag ? response_.etag : response_.last_modified);
  body_ = Body::unfit;
  if (!fits || !same) return;
  total_ = held_->length;
  body_ = held_size_ == total_ ? Body::known : Body::wanted;
}

Transfer::Next Transfer::conclude(CURLcode code) {
  if (failure_) throw etl::Error(*failure_);
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  // A response without a body has not been checked yet. After a failure only an error response
  // matters: its status says more than the way the connection ended.
  if (body_ == Body::unknown && (code == CURLE_OK || status >= 400)) check_headers();
  if (body_ == Body::unfit) return start_over();
  if (body_ == Body::refusal) return conclude_refusal(code);
  if (code != CURLE_OK) throw broken_off(code);
  if (body_ == Body::wanted) check_length();
  return Next::finished;
}

etl::Error Transfer::broken_off(CURLcode code) {
  if (body_ == Body::unknown) {
    total_ = offset_ > 0 ? held_->length : read_response(handle_.get()).length;
  }
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_HTTP_CONNECTCODE, &status);
  if (status == proxy_authentication) return refused_by_proxy();
  return curl_error(shown_url(), code, without_proxies(curl_text_.data(), url_), progress());
}

etl::Error Transfer::refused_by_proxy() const {
  return http_error(shown_url() + " through " + name_proxy(url_), proxy_authentication, progress());
}

Transfer::Next Transfer::conclude_refusal(CURLcode code) {
  if (is_redirect(response_.status)) {
    if (code != CURLE_OK) throw broken_off(code);
    if (!response_.location.empty()) return follow();
  }
  // The file is shorter now than what we hold.
  if (response_.status == 416 && offset_ > 0) return start_over();
  if (response_.status == proxy_authentication) throw refused_by_proxy();
  etl::Error error = http_error(shown_url(), response_.status, progress());
  if (error.code() != etl::Code::transient) throw error;
  if (response_.retry_after <= options_.retry_after_limit) {
    throw std::move(error).retry_after(response_.retry_after);
  }
  constexpr std::chrono::milliseconds not_in_this_run{-1};
  throw etl::Error::transient(error.message() + "; the server asks to try again after " +
                              duration_text(response_.retry_after) +
                              ", which exceeds retry_after_limit (" +
                              duration_text(options_.retry_after_limit) + ")")
      .retry_after(not_in_this_run);
}

Transfer::Next Transfer::follow() {
  const std::string target = redirect_target(remote_.url, url_, response_.location);
  check_redirect(url_, target, redirects_);
  ++redirects_;
  url_ = target;
  return Next::again;
}

Transfer::Next Transfer::start_over() {
  context_.info(shown_url() + ": the file on the server has changed, starting over");
  held_.reset();
  held_in_cache_ = false;
  file_.start_over(std::nullopt);
  offset_ = 0;
  return Next::again;
}

/// Checks the size of the file; libcurl has checked that of the response.
void Transfer::check_length() {
  const Progress seen = progress();
  if (seen.got < total_)
    throw transfer_error(shown_url(), "the server sent less than the missing part", seen);
  if (!surplus_.found() && (total_ < 0 || seen.got == total_)) return;
  file_.start_over(std::nullopt);
  throw transfer_error(shown_url(), "the server sent more than it had announced", seen);
}

std::optional<Transfer::Clock::time_point> Transfer::stalls_at() const {
  if (!last_byte_) return std::nullopt;
  return *last_byte_ + options_.stall_timeout;
}

etl::Error Transfer::stalled() const {
  return transfer_error(shown_url(), "no data for " + duration_text(options_.stall_timeout),
                        progress());
}

Progress Transfer::progress() const { return {held_in_cache_ ? held_size_ : file_.size(), total_}; }

std::string Transfer::shown_url() const {
  std::string text = redact_url(remote_.url);
  if (redirects_ > 0) text += " (redirected to " + redact_target(url_) + ")";
  return text;
}

}  // namespace http
