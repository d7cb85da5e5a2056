#include "plugins/wikipedia/page_view_reader.hpp"

#include "plugins/common/text/printable.hpp"
#include "plugins/wikipedia/parse/foreign_content.hpp"

#include <etl/builder.hpp>

#include <utility>

namespace wikipedia {
namespace {

compression::GzipFile open(HourFile& file, compression::Decoder decoder) {
  if (!file.fetched.valid()) return compression::GzipFile(file.path, decoder);
  return {std::move(file.fetched), file.path, decoder};
}

}  // namespace

PageViewReader::PageViewReader(HourFile file, std::shared_ptr<const etl::Schema> schema,
                               PageViewParser::Settings settings, etl::Predicate predicate,
                               etl::Task task, etl::HeldMemory held, compression::Decoder decoder)
    : file_(std::move(file)),
      fetched_(file_.fetched.valid()),
      task_(task),
      gzip_(open(file_, decoder)),
      parser_(settings, predicate, task),
      columns_(std::move(schema), file_.hour_seconds),
      held_(std::move(held)) {
  report_memory();
}

std::optional<etl::Batch> PageViewReader::next() {
  while (!ended_) {
    if (task_.cancelled()) throw etl::Error::cancelled();
    const std::size_t size = decode(parser_.space());
    if (size == 0) {
      finish();
    } else {
      task_.decoded(static_cast<std::int64_t>(size));
      columns_.append(parser_.parse(size));
      report_memory();
      if (columns_.bytes() >= etl::batch_bytes) return take_batch();
    }
  }
  if (columns_.rows() != 0) return take_batch();
  return std::nullopt;
}

/// The host accounts for the memory of the batch from here on.
etl::Batch PageViewReader::take_batch() {
  etl::Batch batch = columns_.finish();
  report_memory();
  return batch;
}

void PageViewReader::report_memory() {
  held_.set(static_cast<std::int64_t>(gzip_.memory() + parser_.memory() + columns_.bytes()));
}

std::size_t PageViewReader::decode(std::span<char> space) {
  try {
    const std::size_t size = gzip_.read(space);
    if (std::exchange(started_, true)) return size;
    const std::string_view foreign = foreign_content({space.data(), size});
    if (!foreign.empty()) refuse("not page views: the content is " + std::string(foreign));
    return size;
  } catch (const compression::GzipError& error) {
    refuse(error.what());
  }
}

/// Single malformed lines are rejected, but a file of nothing else is not an hour file.
void PageViewReader::finish() {
  columns_.append(parser_.finish());
  if (const auto rejected = parser_.nothing_but_rejects()) {
    refuse("not page views: no line is well-formed; the first is rejected (" +
           std::string(rejected->why) + "): \"" + text::printable(rejected->start) + "\"");
  }
  file_.on_verified();
  ended_ = true;
}

void PageViewReader::refuse(const std::string& why) {
  const std::string what = file_.shown + ": " + why;
  try {
    file_.on_corrupt();
  } catch (const etl::Error& error) {
    throw etl::Error(error.code(), what + "; " + error.message());
  }
  throw etl::Error(fetched_ ? etl::Code::transient : etl::Code::permanent, what);
}

}  // namespace wikipedia
