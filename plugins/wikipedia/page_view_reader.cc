#include "plugins/wikipedia/page_view_reader.hpp"

#include <etl/builder.hpp>

#include <utility>

namespace wikipedia {
namespace {

/// A downloaded file that is gone has been deleted from the cache; that is not a missing hour.
compression::GzipFile open(const HourFile& file, compression::Decoder decoder) {
  try {
    return compression::GzipFile(file.path, decoder);
  } catch (const etl::Error& error) {
    if (file.fetched && error.code() == etl::Code::missing)
      throw etl::Error::transient(error.message());
    throw;
  }
}

}  // namespace

PageViewReader::PageViewReader(HourFile file, std::shared_ptr<const etl::Schema> schema,
                               PageViewParser::Settings settings, etl::Predicate predicate,
                               etl::Task task, etl::HeldMemory held, compression::Decoder decoder)
    : file_(std::move(file)),
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
    const std::size_t size = decode();
    if (size == 0) {
      columns_.append(parser_.finish());
      file_.on_verified();
      ended_ = true;
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

std::size_t PageViewReader::decode() {
  try {
    return gzip_.read(parser_.space());
  } catch (const compression::GzipError& error) {
    file_.on_corrupt();
    refuse(error);
  }
}

void PageViewReader::refuse(const compression::GzipError& error) const {
  std::string message = file_.shown + ": " + error.what();
  if (file_.fetched) throw etl::Error::transient(std::move(message));
  throw etl::Error::permanent(std::move(message));
}

}  // namespace wikipedia
