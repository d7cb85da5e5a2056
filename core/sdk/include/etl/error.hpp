/// \file
/// Error: the exception of plugins and runtime. Its code decides what the host does next.
#pragma once

#include <etl/abi.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace etl::inline v1 {

/// The kind of an error, with the values and effects of `etl_code`.
enum class Code : std::int32_t {
  config = ETL_CONFIG,
  transient = ETL_TRANSIENT,
  permanent = ETL_PERMANENT,
  missing = ETL_MISSING,
  cancelled = ETL_CANCELLED,
  conflict = ETL_CONFLICT,
  internal = ETL_INTERNAL,
};

/// An error whose message names the object it is about, outermost frame first:
/// `"while opening out.db: disk I/O error"`. A plain value.
class Error : public std::exception {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] static Error config(std::string message) {
    return {Code::config, std::move(message)};
  }
  [[nodiscard]] static Error transient(std::string message) {
    return {Code::transient, std::move(message)};
  }
  [[nodiscard]] static Error permanent(std::string message) {
    return {Code::permanent, std::move(message)};
  }
  [[nodiscard]] static Error missing(std::string message) {
    return {Code::missing, std::move(message)};
  }
  [[nodiscard]] static Error conflict(std::string message) {
    return {Code::conflict, std::move(message)};
  }
  [[nodiscard]] static Error cancelled() { return {Code::cancelled, "stopped"}; }

  /// Prepends a frame to the message: the action and its object.
  Error&& with(std::string_view frame) && {
    message_.insert(0, ": ").insert(0, frame);
    return std::move(*this);
  }
  /// Names the option at fault; the host shows its line of the pipeline file.
  Error&& about(std::string_view option) && {
    option_ = option;
    return std::move(*this);
  }
  /// With Code::transient: the least delay before a retry.
  Error&& retry_after(std::chrono::milliseconds delay) && {
    retry_after_ = delay;
    return std::move(*this);
  }

  [[nodiscard]] Code code() const noexcept { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& option() const noexcept { return option_; }
  [[nodiscard]] std::chrono::milliseconds retry_after() const noexcept { return retry_after_; }

 private:
  Code code_;
  std::string message_;
  std::string option_;
  std::chrono::milliseconds retry_after_{0};
};

namespace detail {

inline etl_str to_abi(std::string_view text) noexcept { return {text.data(), text.size()}; }
inline std::string_view to_view(etl_str text) noexcept {
  return text.size == 0 ? std::string_view{} : std::string_view{text.data, text.size};
}

/// Copies `text`; if it is too long, cuts it between UTF-8 sequences and appends "...".
template <std::size_t Size>
void copy_text(char (&out)[Size], std::string_view text) noexcept {
  constexpr std::string_view mark = "...";
  std::size_t size = text.size();
  if (size >= Size) {
    size = Size - 1 - mark.size();
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) --size;
  }
  if (size != 0) std::memcpy(out, text.data(), size);
  if (size != text.size()) {
    std::memcpy(out + size, mark.data(), mark.size());
    size += mark.size();
  }
  out[size] = '\0';
}

inline int fill(etl_error* out, int code, std::string_view message, std::string_view option = {},
                std::int64_t retry_after_ms = 0) noexcept {
  out->code = code;
  out->retry_after_ms = retry_after_ms;
  copy_text(out->option, option);
  copy_text(out->message, message);
  return code;
}

/// Writes the current exception to `out` and returns its code. Call from a catch block only.
inline int fill_from_current(etl_error* out) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return fill(out, static_cast<int>(error.code()), error.message(), error.option(),
                error.retry_after().count());
  } catch (const std::bad_alloc&) {
    return fill(out, ETL_TRANSIENT, "out of memory");
  } catch (const std::exception& error) {
    return fill(out, ETL_INTERNAL, error.what());
  } catch (...) {
    return fill(out, ETL_INTERNAL, "unknown exception");
  }
}

inline etl_error empty_error() noexcept {
  etl_error error{};
  error.struct_size = sizeof(error);
  return error;
}

/// The text in an array that may lack a terminating NUL.
template <std::size_t Size>
std::string bounded_text(const char (&text)[Size]) {
  const void* end = std::memchr(text, '\0', Size);
  return {text, end == nullptr ? text + Size : static_cast<const char*>(end)};
}

/// The reverse of fill(): the error of a failed call through the ABI.
inline Error to_error(int code, const etl_error& error) {
  return Error(static_cast<Code>(code), bounded_text(error.message))
      .about(bounded_text(error.option))
      .retry_after(std::chrono::milliseconds(error.retry_after_ms));
}

}  // namespace detail
}  // namespace etl::inline v1
