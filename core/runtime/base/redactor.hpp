/// \file
/// Keeps secrets out of every text that leaves the process.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// Replaces secrets by "***", in two ways:
///
/// - what it was told, wherever it stands, from four bytes on. Shorter ones would garble every
/// text,
///   and by what is missing then give themselves away. Percent-encoded and percent-decoded forms
///   count too, and so do the passwords inside a secret that is a connection string.
/// - what stands as a password, of any length and told or not: in a URL `scheme://user:HERE@host`,
///   and behind `password=`, as connection strings and query strings have it.
///
/// Thread-safe.
class Redactor {
 public:
  void add(const std::string& secret);
  [[nodiscard]] std::string conceal(std::string_view text) const;

 private:
  void add_forms(const std::string& secret);

  mutable std::mutex mutex_;
  std::vector<std::string> secrets_;  // longest first
};

/// The passwords that stand as such in `text`, each as it is written there and as it is meant, with
/// quotes, backslashes and percent escapes undone.
[[nodiscard]] std::vector<std::string> passwords_in(std::string_view text);

}  // namespace etl::runtime
