#include <etl/plugin.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

/// Reads one file of lines with a word, a tab and a number; rejects other lines.
class WordReader {
 public:
  WordReader(const fs::path& path, std::shared_ptr<const etl::Schema> schema,
             const etl::Predicate& predicate, const etl::Task& task)
      : path_(path),
        lines_(path),
        rows_(std::move(schema)),
        predicate_(predicate && predicate.column() == "word" ? predicate : etl::Predicate()),
        task_(task) {
    if (!lines_) throw etl::Error::missing("cannot open " + path_.string());
  }

  std::optional<etl::Batch> next() {
    std::string line;
    while (rows_.bytes() < etl::batch_bytes && std::getline(lines_, line)) take(line);
    if (lines_.bad()) throw etl::Error::transient("cannot read " + path_.string());
    if (rows_.rows() == 0) return std::nullopt;  // the end
    return rows_.finish();
  }

 private:
  void take(std::string_view line) {
    task_.read(1);
    if (++line_number_ % 10'000 == 0 && task_.cancelled()) throw etl::Error::cancelled();
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return task_.reject("no tab", line, line_number_);
    const std::string_view word = line.substr(0, tab);
    const std::string_view digits = line.substr(tab + 1);
    std::int64_t count = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (failure != std::errc{} || end != digits.data() + digits.size()) {
      return task_.reject("the count is not a number", line, line_number_);
    }
    if (predicate_ && !predicate_.keeps(word)) return task_.dropped(1);
    rows_.row(path_.filename().string(), word, count);
  }

  fs::path path_;
  std::ifstream lines_;
  etl::BatchBuilder rows_;
  etl::Predicate predicate_;
  etl::Task task_;
  std::int64_t line_number_ = 0;
};

/// Reads a folder: every *.txt file is a partition.
class WordFiles {
 public:
  static constexpr auto name = "word_files";
  static constexpr auto summary = "Words with their counts, one partition per file.";
  static constexpr auto options =
      etl::options(etl::required<etl::Path>("folder", "Folder of *.txt files: WORD TAB COUNT."));
  static constexpr auto columns = etl::columns(
      etl::column("file", "utf8", "Name of the file."), etl::column("word", "utf8", "The word."),
      etl::column("count", "int64", "The number of times it was counted."));

  WordFiles(const etl::Options& given, const etl::Context&)
      : folder_(given.get<etl::Path>("folder").text) {}

  etl::Schema schema() const { return *schema_; }

  std::vector<etl::Partition> plan() const {
    if (!fs::is_directory(folder_)) {
      throw etl::Error::config("there is no folder " + folder_.string()).about("folder");
    }
    std::vector<etl::Partition> found;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
      if (!entry.is_regular_file() || entry.path().extension() != ".txt") continue;
      const std::string id = entry.path().filename().string();
      found.push_back({.id = id,
                       .uri = "file://" + entry.path().string(),
                       .bytes = static_cast<std::int64_t>(entry.file_size()),
                       .scope = {"file", id}});
    }
    std::ranges::sort(found, {}, &etl::Partition::id);
    return found;
  }

  WordReader read(const etl::Partition& partition, const etl::Predicate& predicate,
                  const etl::Task& task) const {
    return {folder_ / partition.id, schema_, predicate, task};
  }

 private:
  fs::path folder_;
  std::shared_ptr<const etl::Schema> schema_ = std::make_shared<const etl::Schema>(etl::Schema{
      {"file", etl::Type::utf8}, {"word", etl::Type::utf8}, {"count", etl::Type::int64}});
};

}  // namespace

ETL_PLUGIN("example_word_files", "1.0.0", WordFiles);
