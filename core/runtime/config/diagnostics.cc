#include "core/runtime/config/diagnostics.hpp"

#include "core/runtime/base/utf8.hpp"
#include "core/runtime/config/source_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <tuple>

namespace etl::runtime {
namespace {

constexpr std::size_t max_excerpts = 100;

/// ANSI escape sequences, or empty strings.
struct Palette {
  std::string_view bold, error, warning, caret, hint, plain;
};
constexpr Palette no_colour{};
constexpr Palette ansi{"\x1b[1m", "\x1b[1;31m", "\x1b[1;35m", "\x1b[1;32m", "\x1b[36m", "\x1b[0m"};

void write_position(std::string& out, const Position& position) {
  out += position.file;
  if (position.line > 0) out += fmt::format(":{}:{}", position.line, position.column);
  out += ": ";
}

void write_excerpt(std::string& out, const SourceText& source, const Position& position,
                   const Palette& palette) {
  const SourceText::Excerpt excerpt = source.excerpt(position);
  out += fmt::format("{:>5} | {}\n", position.line, excerpt.line);
  out += fmt::format("      | {}{}{}\n", palette.caret, excerpt.carets, palette.plain);
}

}  // namespace

std::string_view severity_name(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

Diagnostics::Diagnostics() = default;
Diagnostics::~Diagnostics() = default;

void Diagnostics::source(const std::string& file, std::string text) {
  sources_.insert_or_assign(printable(file), std::make_unique<SourceText>(std::move(text)));
}

void Diagnostics::conceal(const Position& secret) {
  const auto source = sources_.find(printable(secret.file));
  if (source != sources_.end()) source->second->conceal(secret);
}

void Diagnostics::error(const Position& position, std::string_view message, std::string_view hint) {
  add(Severity::error, position, message, hint);
}

void Diagnostics::warning(const Position& position, std::string_view message,
                          std::string_view hint) {
  add(Severity::warning, position, message, hint);
}

void Diagnostics::add(Severity severity, const Position& position, std::string_view message,
                      std::string_view hint) {
  failed_ = failed_ || severity == Severity::error;
  Diagnostic added{severity, position, printable(message), printable(hint, "\n")};
  added.position.file = printable(position.file);
  all_.push_back(std::move(added));
}

std::vector<const Diagnostic*> Diagnostics::sorted() const {
  std::vector<const Diagnostic*> sorted;
  sorted.reserve(all_.size());
  for (const Diagnostic& one : all_) sorted.push_back(&one);
  std::ranges::stable_sort(sorted, {}, [](const Diagnostic* one) {
    return std::tie(one->position.file, one->position.line, one->position.column);
  });
  return sorted;
}

std::string Diagnostics::text(bool colour) const {
  const Palette& palette = colour ? ansi : no_colour;
  std::string out;
  std::size_t excerpts = 0;
  for (const Diagnostic* one : sorted()) {
    out += palette.bold;
    write_position(out, one->position);
    out += one->severity == Severity::error ? palette.error : palette.warning;
    out += fmt::format("{}: {}{}{}{}\n", severity_name(one->severity), palette.plain, palette.bold,
                       one->message, palette.plain);
    const auto source = sources_.find(one->position.file);
    if (one->position.line > 0 && source != sources_.end() && excerpts++ < max_excerpts) {
      write_excerpt(out, *source->second, one->position, palette);
    }
    if (!one->hint.empty())
      out += fmt::format("  {}hint:{} {}\n", palette.hint, palette.plain, one->hint);
  }
  return out;
}

nlohmann::json Diagnostics::json() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Diagnostic* one : sorted()) {
    list.push_back({{"file", one->position.file},
                    {"line", one->position.line},
                    {"column", one->position.column},
                    {"severity", severity_name(one->severity)},
                    {"message", one->message},
                    {"hint", one->hint}});
  }
  return list;
}

}  // namespace etl::runtime
