/// \file
/// The folder, remote or local, below which the hour files are.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace wikipedia {

/// `base_url`, checked and taken apart. A value; safe to share.
class BaseUrl {
 public:
  /// Takes `http`, `https` and `file` URLs, with or without a slash at the end. Throws etl::Error
  /// (config, about `base_url`): another scheme, no host, a query or fragment, a `file` URL that
  /// names another host or has a malformed escape, plain http to Wikimedia, whose servers have
  /// answered it with 403 since 2022-11.
  explicit BaseUrl(std::string_view url);

  /// A `file` URL: files are read where they are.
  [[nodiscard]] bool local() const { return local_; }
  /// A server of Wikimedia itself, which has rules for its clients; mirrors are not.
  [[nodiscard]] bool wikimedia() const { return wikimedia_; }

  /// The URL of a file below, as it is to be fetched.
  [[nodiscard]] std::string url(std::string_view relative) const;
  /// The same without user and password: for messages and the ledger.
  [[nodiscard]] std::string shown(std::string_view relative) const;
  /// The folder of a `file` URL, percent-decoded. REQUIRES: local().
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::string url_;  // without slash at the end
  std::string shown_;
  std::filesystem::path folder_;
  bool local_ = false;
  bool wikimedia_ = false;
};

}  // namespace wikipedia
