#include <etl/plugin.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

/// A value, escaped for a file of tab-separated values.
std::string text_of(const etl::Batch& batch, std::size_t column, std::size_t row) {
  if (batch.schema()[column].type == etl::Type::int64) {
    const auto numbers = batch.column<std::int64_t>(column);
    return numbers.null(row) ? "" : std::to_string(numbers[row]);
  }
  const auto texts = batch.column<std::string_view>(column);
  std::string text;
  if (texts.null(row)) return text;
  for (const char c : texts[row]) {
    if (c == '\t') text += "\\t";
    else if (c == '\n') text += "\\n";
    else if (c == '\\') text += "\\\\";
    else text += c;
  }
  return text;
}

/// Writes one partition into a temporary file; commit() renames it.
class TsvWriter {
 public:
  explicit TsvWriter(const fs::path& path)
      : path_(path), partial_(path.string() + ".part"), out_(partial_, std::ios::binary) {
    if (!out_) throw etl::Error::permanent("cannot create " + partial_.string());
  }
  TsvWriter(const TsvWriter&) = delete;
  TsvWriter& operator=(const TsvWriter&) = delete;
  ~TsvWriter() {  // rolls back; nothing is left to remove after commit()
    std::error_code ignored;
    fs::remove(partial_, ignored);
  }

  void write(const etl::Batch& batch) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      for (std::size_t column = 0; column < batch.schema().size(); ++column) {
        out_ << (column == 0 ? "" : "\t") << text_of(batch, column, row);
      }
      out_ << '\n';
    }
    if (!out_) throw etl::Error::transient("cannot write " + partial_.string());
  }

  void commit(const etl::LedgerRecord&) {
    out_.close();
    if (!out_) throw etl::Error::transient("cannot write " + partial_.string());
    std::error_code failure;
    fs::rename(partial_, path_, failure);
    if (failure) throw etl::Error::permanent(path_.string() + ": " + failure.message());
  }

 private:
  fs::path path_, partial_;
  std::ofstream out_;
};

/// Writes FOLDER/SOURCE.PARTITION.tsv. Keeps no ledger: every run writes every partition again.
class TsvFiles {
 public:
  static constexpr auto name = "tsv_files";
  static constexpr auto summary = "Writes every partition into a file of tab-separated values.";
  static constexpr auto options = etl::options(
      etl::required<etl::Path>("folder", "An existing folder for the files.").operational());

  TsvFiles(const etl::Options& given, const etl::Context&)
      : folder_(given.get<etl::Path>("folder").text) {}

  void check(const etl::Schema& schema) const {
    for (const etl::Field& field : schema) {
      if (etl::is_text(field.type) || field.type == etl::Type::int64) continue;
      throw etl::Error::config("column \"" + field.name + "\" is " +
                               std::string(etl::type_name(field.type)) + ", not utf8 or int64");
    }
  }

  etl::Target inspect(const etl::Schema&) const {
    if (fs::is_directory(folder_)) return {"files in " + folder_.string(), {}};
    throw etl::Error::config("there is no folder " + folder_.string()).about("folder");
  }

  TsvWriter open(const etl::WriteRequest& request, const etl::Schema&) const {
    if (request.partition.id.find('/') != std::string::npos) {
      throw etl::Error::permanent("\"" + request.partition.id + "\" is not a valid file name");
    }
    return TsvWriter(folder_ / (request.source + "." + request.partition.id + ".tsv"));
  }

 private:
  fs::path folder_;
};

}  // namespace

ETL_PLUGIN("example_tsv_files", "1.0.0", TsvFiles);
