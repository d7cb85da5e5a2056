/// \file
/// One download, which takes several requests if it is redirected or the content has changed.
#pragma once

#include "plugins/common/http/connection_slot.hpp"
#include "plugins/common/http/curl_handle.hpp"
#include "plugins/common/http/fetcher.hpp"
#include "plugins/common/http/part_file.hpp"
#include "plugins/common/http/response.hpp"
#include "plugins/common/http/surplus.hpp"
#include "plugins/common/http/transfer_errors.hpp"

#include <etl/context.hpp>
#include <etl/error.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace http {

/// Fills a PartFile from a URL through one easy handle, which TransferLoop drives by the multi
/// interface: prepare(), transfer, conclude(), repeated while conclude() returns `again`.
///
/// A .part with known content is resumed with `Range` and `If-Range`. The response decides: 206
/// with exactly the missing range of the same content, as its validator shows, continues; 200
/// replaces our bytes, and any other response to a range leads to another request, for the whole
/// file. Of a file that is here completely, the last byte is requested, which shows in the same way
/// whether the server still has this content. No byte is written before the headers have been
/// checked.
///
/// Threads: one. Does not move, because the handle calls back into it.
class Transfer {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Next { finished, again };

  /// `cached` is the content of the complete file in the cache, if the server is to be asked for
  /// another.
  Transfer(EasyHandle handle, Remote remote, PartFile file, std::optional<PartMeta> cached,
           const FetchOptions& options, const etl::Context& context, ConnectionSlot slot,
           ClosedSockets& closed);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Sets up the handle for the next request. It must not be in a multi handle.
  void prepare();
  /// Evaluates a request that ended with `code`. The handle must still be in the multi handle, and
  /// leave it afterwards. Throws etl::Error if the download has failed.
  [[nodiscard]] Next conclude(CURLcode code);

  /// The time at which the transfer counts as stalled unless data arrives; nothing while it is
  /// connecting, which has a separate time limit.
  [[nodiscard]] std::optional<Clock::time_point> stalls_at() const;
  [[nodiscard]] etl::Error stalled() const;

  [[nodiscard]] const std::string& name() const noexcept { return remote_.name; }
  [[nodiscard]] CURL* handle() const noexcept { return handle_.get(); }
  /// Bytes of body received over the network by all requests.
  [[nodiscard]] std::int64_t downloaded() const noexcept { return downloaded_; }
  PartFile& file() noexcept { return file_; }
  /// Whether the finished download has shown that the file in the cache is what the server has.
  [[nodiscard]] bool cache_is_valid() const noexcept {
    return held_in_cache_ && body_ == Body::known;
  }
  [[nodiscard]] EasyHandle take_handle() noexcept { return std::move(handle_); }

 private:
  /// Kind of the response's body: unknown until its headers are checked, the bytes we want, bytes
  /// that we have already, bytes that do not continue ours, or the text of an error.
  enum class Body { unknown, wanted, known, unfit, refusal };

  static std::size_t on_header(char*, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_connected(void* self, char*, char*, int, int) noexcept;

  template <class T>
  void set(CURLoption option, T value);
  void set_headers();
  void check_headers();
  void accept_whole();
  void require_bounded(std::int64_t size);
  void accept_rest();
  [[nodiscard]] bool take_body(std::string_view bytes);
  [[nodiscard]] Next conclude_refusal(CURLcode code);
  [[nodiscard]] etl::Error broken_off(CURLcode code);
  [[nodiscard]] etl::Error refused_by_proxy() const;
  [[nodiscard]] Next follow();
  [[nodiscard]] Next start_over();
  void check_length();
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] std::string shown_url() const;

  Remote remote_;
  PartFile file_;
  const FetchOptions& options_;
  const etl::Context& context_;
  const ConnectionSlot slot_;  // shared by its requests, which run one after the other
  SurplusWatch surplus_;
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> curl_text_{};

  std::optional<PartMeta> held_;  // the content of which we have bytes
  std::int64_t held_size_ = 0;
  bool held_in_cache_ = false;  // in the cache, not in file_
  std::string url_;             // of the request, after redirects
  int redirects_ = 0;
  std::int64_t total_ = -1;  // size of the whole file, -1 = unknown
  std::int64_t downloaded_ = 0;

  // Of the request in progress:
  std::int64_t offset_ = 0;  // start of the requested range, 0 = the whole file
  Body body_ = Body::unknown;
  Response response_;
  std::int64_t refusal_size_ = 0;
  std::optional<Clock::time_point> last_byte_;
  std::optional<etl::Error> failure_;  // caught in a callback: must not pass through libcurl

  EasyHandle handle_;  // last, so destroyed first: it may still call back
};

}  // namespace http
