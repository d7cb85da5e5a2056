#pragma once

#include "durable_file.hpp"
#include "ledger_file.hpp"

#include <etl/plugin.hpp>

namespace fs = std::filesystem;

/// Encodes the name of a stage or partition as a file name. The result never begins with a dot;
/// such names are reserved for the sink itself.
inline std::string file_name(std::string_view name) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    if (plain.find(c) != plain.npos && (c != '.' || !out.empty())) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return out;
}

/// The folder with the partitions of one source, for one pipeline and sink.
struct SourceFolder {
  fs::path folder;

  [[nodiscard]] fs::path done(std::string_view partition) const {
    return folder / file_name(partition);
  }
  /// The record of a partition that failed or is missing.
  [[nodiscard]] fs::path not_done(std::string_view partition) const {
    return folder / ".not_done" / file_name(partition);
  }
  [[nodiscard]] fs::path partial(std::string_view partition, std::string_view run) const {
    return folder / (".part-" + file_name(run) + "-" + file_name(partition));
  }
};

/// Formats a value for the tab-separated file; null is \N.
inline std::string cell_text(const etl::Batch& batch, std::size_t column, std::size_t row) {
  if (batch.schema()[column].type == etl::Type::int64) {
    const auto numbers = batch.column<std::int64_t>(column);
    return numbers.null(row) ? "\\N" : std::to_string(numbers[row]);
  }
  const auto texts = batch.column<std::string_view>(column);
  return texts.null(row) ? "\\N" : escaped(texts[row]);
}

/// Writes one partition: a folder with its rows and its ledger record. The folder has a temporary
/// name until one rename makes rows and record visible together, which is the transaction.
class TemplateStageWriter {
 public:
  TemplateStageWriter(SourceFolder source_folder, etl::WriteRequest request)
      : source_folder_(std::move(source_folder)),
        request_(std::move(request)),
        partial_(source_folder_.partial(request_.partition.id, request_.run_id)),
        rows_(begin()) {}
  TemplateStageWriter(const TemplateStageWriter&) = delete;
  TemplateStageWriter& operator=(const TemplateStageWriter&) = delete;
  ~TemplateStageWriter() {  // rolls back; after a commit there is nothing to remove
    std::error_code ignored;
    fs::remove_all(partial_, ignored);
  }

  void write(const etl::Batch& batch) {
    std::string text;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      for (std::size_t column = 0; column < batch.schema().size(); ++column) {
        text += (column == 0 ? "" : "\t") + cell_text(batch, column, row);
      }
      text += '\n';
    }
    rows_.write(text);
  }

  void commit(const etl::LedgerRecord& record) {
    rows_.finish();
    write_file(partial_ / "ledger.tsv", ledger_text(record));
    sync_folder(partial_);
    publish();
    sync_folder(source_folder_.folder);
    std::error_code ignored;  // the earlier record of a failure no longer matters
    fs::remove(source_folder_.not_done(request_.partition.id), ignored);
  }

 private:
  DurableFile begin() {
    if (!request_.reload && fs::exists(source_folder_.done(request_.partition.id)))
      throw done_already();
    fs::remove_all(partial_);  // left by an attempt that was killed
    fs::create_directories(partial_);
    return DurableFile(partial_ / "rows.tsv");
  }
  /// The fence: a folder cannot be renamed over that of a committed partition.
  void publish() {
    const fs::path done = source_folder_.done(request_.partition.id);
    if (::rename(partial_.c_str(), done.c_str()) == 0) return;
    if (errno != ENOTEMPTY && errno != EEXIST) fail("create", done);
    if (!request_.reload) throw done_already();
    // Exchange the two; the destructor then removes the earlier rows.
    if (::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, done.c_str(), RENAME_EXCHANGE) != 0) {
      fail("replace", done);
    }
  }
  [[nodiscard]] etl::Error done_already() const {
    return etl::Error::conflict("partition " + request_.partition.id + " is already done in " +
                                source_folder_.folder.string());
  }

  SourceFolder source_folder_;
  etl::WriteRequest request_;
  fs::path partial_;
  DurableFile rows_;
};

/// Writes FOLDER/PIPELINE/SINK/SOURCE/PARTITION/rows.tsv, with the ledger record beside the rows.
class TemplateStage {
 public:
  static constexpr auto name = "template_stage";
  static constexpr auto summary = "Writes every partition to a folder of its own, with the ledger.";
  static constexpr auto options = etl::options(
      etl::required<etl::Path>("folder", "Folder for the partitions; created if missing.")
          .operational());

  TemplateStage(const etl::Options& given, const etl::Context&)
      : folder_(given.get<etl::Path>("folder").text) {}

  void check(const etl::Schema& schema) const {
    for (const etl::Field& field : schema) {
      if (etl::is_text(field.type) || field.type == etl::Type::int64) continue;
      throw etl::Error::config("column \"" + field.name + "\" is " +
                               std::string(etl::type_name(field.type)) + ", not utf8 or int64");
    }
  }
  etl::Target inspect(const etl::Schema&) const { return {"folders in " + folder_.string(), {}}; }
  void prepare(const etl::Schema&) const { fs::create_directories(folder_); }

  /// Reads the ledger of one pipeline and sink. Changes nothing.
  std::vector<etl::LedgerRecord> committed(std::string_view pipeline, std::string_view sink) const {
    std::vector<etl::LedgerRecord> records;
    const fs::path sources = folder_ / file_name(pipeline) / file_name(sink);
    if (!fs::exists(sources)) return records;
    for (const auto& source : fs::directory_iterator(sources)) {
      for (const auto& entry : fs::directory_iterator(source)) {
        if (entry.path().filename().string().starts_with('.')) continue;
        records.push_back(read_ledger(entry.path() / "ledger.tsv"));
      }
      const fs::path not_done = source.path() / ".not_done";
      if (!fs::exists(not_done)) continue;
      for (const auto& entry : fs::directory_iterator(not_done)) {
        const std::string partition = entry.path().filename().string();
        if (partition.starts_with('.') || fs::exists(source.path() / partition)) continue;
        records.push_back(read_ledger(entry.path()));
      }
    }
    return records;
  }

  /// Records that a partition failed or is missing. A done partition stays done: its record lies
  /// elsewhere and takes precedence.
  void record(const etl::LedgerRecord& record) const {
    const SourceFolder source_folder = folder_of(record.pipeline, record.sink, record.source);
    const fs::path path = source_folder.not_done(record.partition);
    const fs::path partial =
        path.parent_path() / ("." + file_name(record.run_id) + "-" + path.filename().string());
    fs::create_directories(path.parent_path());
    fs::remove(partial);
    write_file(partial, ledger_text(record));
    fs::rename(partial, path);
    sync_folder(path.parent_path());
  }

  TemplateStageWriter open(const etl::WriteRequest& request, const etl::Schema&) const {
    return {folder_of(request.pipeline, request.sink, request.source), request};
  }

 private:
  [[nodiscard]] SourceFolder folder_of(std::string_view pipeline, std::string_view sink,
                                       std::string_view source) const {
    return {folder_ / file_name(pipeline) / file_name(sink) / file_name(source)};
  }

  fs::path folder_;
};
