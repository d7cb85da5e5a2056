/// \file
/// One download: as many requests as redirects and changed contents make necessary.
#pragma once

#include "connection_slot.hpp"
#include "curl_handle.hpp"
#include "fetcher.hpp"
#include "part_file.hpp"
#include "response.hpp"
#include "transfer_errors.hpp"

#include <etl/context.hpp>
#include <etl/error.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace wikipedia {

/// Fills a PartFile from a URL through one easy handle, which somebody else drives by the multi
/// interface: prepare(), transfer, conclude(); and again while conclude() says so.
///
/// A .part with known content is resumed by `Range` and `If-Range`. What the server answers
/// decides: 206 for exactly the missing range of the same content goes on, 416 for a file of
/// exactly our size means that nothing was missing, 200 replaces what we have, and any other answer
/// to a range leads to one more request, for the whole. Bytes reach the disk only after the headers
/// have been judged.
///
/// Threads: one. The handle calls back into this object, which therefore does not move.
class Transfer {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Next { finished, again };

  Transfer(EasyHandle handle, Remote remote, PartFile file, const FetchOptions& options,
           const etl::Context& context, ConnectionSlot slot);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  /// Sets the handle up for the next request. The handle must not be in a multi handle.
  void prepare();
  /// The request has ended with `code`; the handle is still in the multi handle, and has to leave
  /// it then. Throws etl::Error if the download has failed.
  [[nodiscard]] Next conclude(CURLcode code);

  /// When the transfer counts as stalled unless a byte comes before. Nothing while it is
  /// connecting, which has a time limit of its own.
  [[nodiscard]] std::optional<Clock::time_point> stalls_at() const;
  [[nodiscard]] etl::Error stalled() const;

  [[nodiscard]] const std::string& name() const noexcept { return remote_.name; }
  [[nodiscard]] CURL* handle() const noexcept { return handle_.get(); }
  /// Bytes of body that came over the network, in all requests.
  [[nodiscard]] std::int64_t downloaded() const noexcept { return downloaded_; }
  PartFile& file() noexcept { return file_; }
  [[nodiscard]] EasyHandle take_handle() noexcept { return std::move(handle_); }

 private:
  /// What the body of the answer is: not known before its headers were judged, the bytes we want,
  /// bytes that do not fit those we have, or the text of a refusal.
  enum class Body { unjudged, wanted, unfit, refusal };

  static std::size_t on_header(char*, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_connected(void* self, char*, char*, int, int) noexcept;

  template <class T>
  void set(CURLoption option, T value);
  void set_headers();
  void judge();
  void accept_whole();
  void require_bounded(std::int64_t size);
  void accept_rest();
  [[nodiscard]] bool take_body(std::string_view bytes);
  [[nodiscard]] Next conclude_refusal(CURLcode code);
  [[nodiscard]] etl::Error broken_off(CURLcode code);
  [[nodiscard]] Next follow();
  [[nodiscard]] Next start_over();
  void check_length(bool leftovers);
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] std::string shown_url() const;

  Remote remote_;
  PartFile file_;
  const FetchOptions& options_;
  const etl::Context& context_;
  const ConnectionSlot slot_;  // of all its requests, which follow each other
  HeaderList headers_;
  std::array<char, CURL_ERROR_SIZE> curl_text_{};

  std::string url_;  // of the request, after redirects
  int redirects_ = 0;
  std::int64_t total_ = -1;  // size of the whole file, -1 = unknown
  std::int64_t downloaded_ = 0;

  // Of the request in progress:
  std::int64_t offset_ = 0;  // where the range asked for begins, 0 = the whole file
  Body body_ = Body::unjudged;
  Response response_;
  std::int64_t refusal_size_ = 0;
  std::optional<Clock::time_point> last_byte_;
  std::optional<etl::Error> failure_;  // thrown in a callback, which libcurl must not see

  EasyHandle handle_;  // last, hence destroyed first: it may still call back
};

}  // namespace wikipedia
