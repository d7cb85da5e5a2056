/// \file
/// The remote or local folder that contains the hour files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace wikipedia {

/// The option `base_url`, checked and parsed. A value; safe to share.
class BaseUrl {
 public:
  /// Accepts `http`, `https` and `file` URLs, with or without a trailing slash. Throws etl::Error
  /// (config, about `base_url`) for another scheme, a missing host, an invalid port, an `@` in the
  /// path, a query or fragment, a `file` URL with a remote host or a malformed escape, and plain
  /// http to Wikimedia, whose servers have refused it with 403 since 2022-11. The message shows
  /// nothing that may belong to a password.
  explicit BaseUrl(std::string_view url);

  /// Whether it is a `file` URL, whose files are read in place.
  [[nodiscard]] bool local() const { return local_; }
  /// Whether it is a server of Wikimedia, which has rules for clients, rather than a mirror.
  [[nodiscard]] bool wikimedia() const { return wikimedia_; }

  /// Returns the URL for fetching the file `relative`.
  [[nodiscard]] std::string url(std::string_view relative) const;
  /// Returns the same without user and password, for messages and the ledger.
  [[nodiscard]] std::string shown(std::string_view relative) const;
  /// Returns the percent-decoded folder of a `file` URL. REQUIRES: local().
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::string url_;  // without trailing slash
  std::string shown_;
  std::filesystem::path folder_;
  bool local_ = false;
  bool wikimedia_ = false;
};

}  // namespace wikipedia
