#include "transfer.hpp"

#include "connection.hpp"
#include "redirect.hpp"
#include "transfer_errors.hpp"

#include <strings.h>

#include <exception>
#include <new>
#include <utility>

namespace wikipedia {
namespace {

// The text of a refusal is read to its end so that the connection can be used again, unless it is
// long.
constexpr std::int64_t longest_refusal = 65'536;

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Transfer::Transfer(EasyHandle handle, Remote remote, PartFile file, const FetchOptions& options,
                   const etl::Context& context, ConnectionSlot slot)
    : remote_(std::move(remote)),
      file_(std::move(file)),
      options_(options),
      context_(context),
      slot_(std::move(slot)),
      url_(remote_.url),
      handle_(std::move(handle)) {
  const bool known = file_.meta() && file_.meta()->url == redact_url(remote_.url);
  if (known) offset_ = file_.size();
}

template <class T>
void Transfer::set(CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
  if (code != CURLE_OK) throw curl_error(shown_url(), code, "", progress());
}

void Transfer::prepare() {
  curl_easy_reset(handle_.get());
  body_ = Body::unjudged;
  response_ = {};
  refusal_size_ = 0;
  last_byte_.reset();
  curl_text_.fill('\0');

  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // see check_redirect()
  // With HTTP/2 two downloads would share one connection, and `connections` would limit nothing.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // An idle connection counts at the server, too: with its slot another process may open one.
  if (slot_.shared()) set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // giving up must not wait for a name server that does not answer
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  set(CURLOPT_ERRORBUFFER, curl_text_.data());
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set_headers();
}

// No Accept-Encoding: the file's own bytes are wanted, they are compressed already.
void Transfer::set_headers() {
  headers_.reset();
  if (offset_ == 0) return;
  const auto add = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    if (headers_ == nullptr) headers_.reset(longer);
  };
  add("Range: bytes=" + std::to_string(offset_) + "-");
  add("If-Range: " + file_.meta()->validator);
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

/// False ends the request.
bool Transfer::take_body(std::string_view bytes) {
  if (body_ == Body::unjudged) judge();
  switch (body_) {
    case Body::wanted:
      require_bounded(file_.size() + static_cast<std::int64_t>(bytes.size()));
      file_.append(bytes);
      return true;
    case Body::refusal:
      refusal_size_ += static_cast<std::int64_t>(bytes.size());
      return refusal_size_ <= longest_refusal;
    case Body::unfit:
    case Body::unjudged:
      return false;
  }
  return false;
}

void Transfer::judge() {
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
    context_.warn(shown_url() + ": the server calls this " + response_.content_type +
                  ", not a compressed file");
  }
  total_ = response_.length;
  require_bounded(total_);
  const std::string validator =
      choose_validator(response_.etag, response_.last_modified, response_.date);
  std::optional<PartMeta> meta;
  if (total_ >= 0 && !validator.empty()) meta = {redact_url(remote_.url), validator, total_};
  file_.start_over(std::move(meta));
  body_ = Body::wanted;
}

/// What has come is thrown away: nothing of it is ever wanted.
void Transfer::require_bounded(std::int64_t size) {
  if (size <= options_.largest_file) return;
  file_.start_over(std::nullopt);
  throw etl::Error::permanent(shown_url() + ": the server sends " + std::to_string(size) +
                              " bytes or more, and no hour file has more than " +
                              std::to_string(options_.largest_file));
}

/// Goes on only where the answer proves that it is the rest of the content we have the beginning
/// of. An ETag must be repeated in a 206 (RFC 9110, 15.3.7), Last-Modified need not be.
void Transfer::accept_rest() {
  const PartMeta& meta = *file_.meta();
  const auto& range = response_.range;
  const bool fits = range && range->first == offset_ && range->total == meta.length;
  const bool by_etag = meta.validator.starts_with('"');
  const bool same =
      by_etag ? response_.etag == meta.validator
              : response_.last_modified.empty() || response_.last_modified == meta.validator;
  if (fits && same) total_ = meta.length;
  body_ = fits && same ? Body::wanted : Body::unfit;
}

Transfer::Next Transfer::conclude(CURLcode code) {
  if (failure_) throw etl::Error(*failure_);
  const bool leftovers = code == CURLE_OK && has_leftovers(handle_.get());
  long status = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  // Without a body nothing has been judged yet. After a failure only a refusal is worth a look: its
  // status says more than how the connection ended.
  if (body_ == Body::unjudged && (code == CURLE_OK || status >= 400)) judge();
  if (body_ == Body::unfit) return start_over();
  if (body_ == Body::refusal) return conclude_refusal(code);
  if (code != CURLE_OK) throw broken_off(code);
  check_length(leftovers);
  return Next::finished;
}

etl::Error Transfer::broken_off(CURLcode code) {
  if (body_ == Body::unjudged) {
    total_ = offset_ > 0 ? file_.meta()->length : read_response(handle_.get()).length;
  }
  return curl_error(shown_url(), code, curl_text_.data(), progress());
}

Transfer::Next Transfer::conclude_refusal(CURLcode code) {
  response_ = read_response(handle_.get());  // libcurl knows the target of a redirect only now
  if (is_redirect(response_.status)) {
    if (!response_.location.empty()) return follow();
    if (code != CURLE_OK) throw broken_off(code);  // so it did not come to know it
  }
  if (response_.status == 416 && offset_ > 0) {
    const PartMeta& meta = *file_.meta();
    const bool same = response_.etag.empty() || response_.etag == meta.validator;
    const bool complete =
        response_.range && response_.range->total == offset_ && offset_ == meta.length;
    return complete && same ? Next::finished : start_over();
  }
  etl::Error error = http_error(shown_url(), response_.status, progress());
  if (error.code() != etl::Code::transient) throw error;
  throw std::move(error).retry_after(response_.retry_after);
}

Transfer::Next Transfer::follow() {
  check_redirect(url_, response_.location, redirects_);
  ++redirects_;
  url_ = response_.location;
  return Next::again;
}

Transfer::Next Transfer::start_over() {
  context_.info(shown_url() + ": the server's file is not the one begun before, starting over");
  file_.start_over(std::nullopt);
  offset_ = 0;
  return Next::again;
}

/// libcurl has seen to it that all of this answer's Content-Length came.
void Transfer::check_length(bool leftovers) {
  const Progress seen = progress();
  if (seen.got < total_)
    throw transfer_error(shown_url(), "the server sent less than was missing", seen);
  if (!leftovers && (total_ < 0 || seen.got == total_)) return;
  file_.start_over(std::nullopt);
  throw transfer_error(shown_url(), "the server sent more than it had announced", seen);
}

std::optional<Transfer::Clock::time_point> Transfer::stalls_at() const {
  if (!last_byte_) return std::nullopt;
  return *last_byte_ + options_.stall_timeout;
}

etl::Error Transfer::stalled() const {
  const std::string wait = std::to_string(options_.stall_timeout.count());
  return transfer_error(shown_url(), "no byte came for " + wait + " ms", progress());
}

Progress Transfer::progress() const { return {file_.size(), total_}; }

std::string Transfer::shown_url() const {
  std::string text = redact_url(remote_.url);
  if (redirects_ > 0) text += " (redirected to " + redact_url(url_) + ")";
  return text;
}

}  // namespace wikipedia
