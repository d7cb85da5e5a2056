// Parses the text of an hour file, split into blocks in two ways, and line by line: rows, counts
// and rejects must be equal, and the columns must hold exactly these rows.
//
// Input: mode, predicate, block size, seed of the split, text. In the text, \x01 C N stands for N
// KiB of C, so that small inputs can have overlong lines.
#include "fuzz.hpp"
#include "plugins/common/text/utf8.hpp"
#include "plugins/wikipedia/parse/page_view_columns.hpp"
#include "plugins/wikipedia/parse/page_view_parser.hpp"

#include <array>
#include <random>
#include <vector>

namespace {

using namespace wikipedia;

struct Row {
  std::string code, title;
  std::int64_t views, response_bytes;
  bool operator==(const Row&) const = default;
};

struct Reject {
  std::string reason, raw;
  std::int64_t line, offset;
  bool operator==(const Reject&) const = default;
};

/// The result of parsing a text.
struct Told {
  std::vector<Row> rows;
  std::vector<Reject> rejects;
  std::int64_t read = 0, dropped = 0;
  bool operator==(const Told&) const = default;
};

/// Decides by a value's bytes and length, since the values are arbitrary.
bool keeps(std::string_view value, std::uint8_t choice) {
  return value.size() % 2 == choice % 2 || value.starts_with('f');
}

/// The predicate selected by the second byte of the input.
class Wanted {
 public:
  explicit Wanted(std::uint8_t choice)
      : choice_(choice), column_(columns.at(choice / 2 % columns.size())) {
    abi_.struct_size = sizeof(abi_);
    abi_.column = etl::detail::to_abi(column_);
    abi_.ctx = this;
    abi_.keep = [](void* self, etl_str value) {
      return keeps(etl::detail::to_view(value), static_cast<Wanted*>(self)->choice_) ? 1 : 0;
    };
  }
  Wanted(const Wanted&) = delete;
  Wanted& operator=(const Wanted&) = delete;

  [[nodiscard]] etl::Predicate predicate() const {
    return column_.empty() ? etl::Predicate() : etl::Predicate(&abi_);
  }
  [[nodiscard]] bool wants(const std::string& code) const {
    const DomainCode parts = parse_domain_code(code);
    if (column_ == "domain_code") return keeps(code, choice_);
    if (column_ == "language") return keeps(parts.language, choice_);
    if (column_ == "project") return keeps(parts.project, choice_);
    if (column_ == "access") return keeps(parts.access, choice_);
    return true;
  }

 private:
  static constexpr std::array<std::string_view, 6> columns = {"",        "domain_code", "language",
                                                              "project", "access",      "title"};
  std::uint8_t choice_;
  std::string_view column_;
  etl_predicate abi_{};
};

/// Notes what a task is told.
class Listener {
 public:
  explicit Listener(Told& told) : told_(told) {
    abi_ = {sizeof(etl_task),
            this,
            [](void* self, std::uint32_t counter, std::int64_t n) {
              Told& to = static_cast<Listener*>(self)->told_;
              (counter == ETL_ROWS_READ ? to.read : to.dropped) += n;
            },
            [](void* self, const etl_reject* reject) {
              static_cast<Listener*>(self)->told_.rejects.push_back(
                  {std::string(etl::detail::to_view(reject->reason)),
                   std::string(etl::detail::to_view(reject->raw)), reject->line, reject->offset});
            },
            [](void*) { return 0; },
            [](void*, const etl_error*) {}};
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  [[nodiscard]] etl::Task task() const { return etl::Task(&abi_); }

 private:
  Told& told_;
  etl_task abi_{};
};

std::shared_ptr<const etl::Schema> all_columns() {
  std::vector<etl::Field> fields;
  for (const ColumnInfo& column : column_table)
    fields.push_back({std::string(column.name), column.type, false});
  return std::make_shared<const etl::Schema>(std::move(fields));
}

void check_columns(const etl::Batch& batch, const std::vector<Row>& rows) {
  fuzz::require(batch.rows() == rows.size(), "the batch has another number of rows");
  const auto code = batch.column<std::string_view>("domain_code");
  const auto language = batch.column<std::string_view>("language");
  const auto project = batch.column<std::string_view>("project");
  const auto access = batch.column<std::string_view>("access");
  const auto title = batch.column<std::string_view>("title");
  const auto views = batch.column<std::int64_t>("views");
  const auto bytes = batch.column<std::int64_t>("response_bytes");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const DomainCode parts = parse_domain_code(rows[i].code);
    fuzz::require(code[i] == rows[i].code && title[i] == rows[i].title &&
                      language[i] == parts.language && project[i] == parts.project &&
                      access[i] == parts.access && views[i] == rows[i].views &&
                      bytes[i] == rows[i].response_bytes,
                  "the batch has another row", title[i]);
  }
}

/// `pieces`: how many bytes come at once, by chance; none = as many as there is room for.
Told parse(std::string_view text, const PageViewParser::Settings& settings, const Wanted& wanted,
           std::mt19937* pieces) {
  Told told;
  const Listener listener(told);
  PageViewParser parser(settings, wanted.predicate(), listener.task());
  PageViewColumns columns(all_columns(), 0);
  const auto take = [&](const PageViewBlock& block) {
    std::size_t row = 0;
    for (std::size_t run = 0; run < block.runs.size(); ++run) {
      for (std::size_t i = 0; i < block.rows_in(run); ++i, ++row) {
        const PageViewRow& one = block.rows[row];
        told.rows.push_back(
            {block.runs[run].code, {one.title, one.title_size}, one.views, one.response_bytes});
      }
    }
    columns.append(block);
  };
  while (!text.empty()) {
    std::span<char> space = parser.space();
    if (pieces != nullptr) space = space.first(1 + (*pieces)() % space.size());
    const std::size_t size = text.copy(space.data(), space.size());
    text.remove_prefix(size);
    take(parser.parse(size));
  }
  take(parser.finish());
  check_columns(columns.finish(), told.rows);
  return told;
}

/// The same line by line, as the documentation says it.
Told read_plainly(std::string_view text, InvalidUtf8 invalid_utf8, const Wanted& wanted) {
  constexpr std::size_t kept_of_long_lines = 1024;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // may begin any line
  Told told;
  const auto as_utf8 = [](std::string value) {
    return text::detail::valid_utf8_portable(value) ? value : text::replace_invalid_utf8(value);
  };
  for (std::size_t at = 0; at < text.size();) {
    while (text.substr(at).starts_with(byte_order_mark)) at += byte_order_mark.size();
    if (at == text.size()) break;
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = without_cr(text.substr(at, end - at));
    const auto offset = static_cast<std::int64_t>(at);
    at = end + 1;
    ++told.read;
    PageViewLine fields;
    std::string_view why = split_line(line, fields);
    const bool first = why == reason::too_long || why == reason::empty_line || why == reason::nul;
    if (invalid_utf8 == InvalidUtf8::reject && !first && !text::detail::valid_utf8_portable(line))
      why = reason::invalid_utf8;
    if (!why.empty()) {
      const std::size_t most = why == reason::too_long ? kept_of_long_lines : line.size();
      told.rejects.push_back(
          {std::string(why), std::string(line.substr(0, most)), told.read, offset});
      continue;
    }
    std::string code = as_utf8(std::string(fields.code));
    if (!wanted.wants(code)) {
      ++told.dropped;
      continue;
    }
    std::string title = unquote_title(fields.title).value_or(std::string(fields.title));
    told.rows.push_back(
        {std::move(code), as_utf8(std::move(title)), fields.views, fields.response_bytes});
  }
  return told;
}

std::string expanded(std::string_view text) {
  constexpr std::size_t longest = 72U << 10U;
  std::string out;
  for (std::size_t at = 0; at < text.size() && out.size() < longest; ++at) {
    // Thousands of empty lines would only cost time.
    if (text[at] != '\x01' || at + 2 >= text.size() || text[at + 1] == '\n') {
      out += text[at];
      continue;
    }
    out.append(std::size_t{static_cast<unsigned char>(text[at + 2])} << 10U, text[at + 1]);
    at += 2;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  PageViewParser::Settings settings;
  settings.invalid_utf8 = input.byte() % 2 == 0 ? InvalidUtf8::replace : InvalidUtf8::reject;
  const Wanted wanted(input.byte());
  const std::size_t block_size = std::size_t{1} << (input.byte() % 14U);
  std::mt19937 pieces(input.byte());
  const std::string text = expanded(input.rest());

  const Told expected = read_plainly(text, settings.invalid_utf8, wanted);
  settings.block_size = std::max<std::size_t>(text.size(), 1);
  fuzz::require(parse(text, settings, wanted, nullptr) == expected, "one block is read otherwise");
  settings.block_size = std::max<std::size_t>(block_size, text.size() / 256);  // a bound on time
  fuzz::require(parse(text, settings, wanted, &pieces) == expected, "blocks are read otherwise");
  return 0;
}
