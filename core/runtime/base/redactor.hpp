/// \file
/// Removal of secrets from logs, errors and reports.
#pragma once

#include "core/runtime/base/mutex.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace etl::runtime {

/// Replaces secrets with "***":
///
/// - registered secrets of at least four bytes, wherever they appear, also percent-encoded or
///   percent-decoded, and the passwords in a secret that is a connection string. Shorter secrets
///   would garble every text, and the gaps would reveal them.
/// - anything recognizable as a password, of any length: `scheme://user:HERE@host` in a URL, and
///   the value of `password=` in connection strings and query strings.
///
/// Thread-safe.
class Redactor {
 public:
  void add(const std::string& secret);
  [[nodiscard]] std::string conceal(std::string_view text) const;

 private:
  void add_forms(const std::string& secret) ETL_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::vector<std::string> secrets_ ETL_GUARDED_BY(mutex_);  // longest first
};

/// The recognizable passwords in `text`, each as written and with backslashes and percent escapes
/// decoded.
[[nodiscard]] std::vector<std::string> passwords_in(std::string_view text);

}  // namespace etl::runtime
