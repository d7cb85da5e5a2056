#pragma once

#include <etl/plugin.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

/// Reads one file. Each line is a word, a tab and a number; other lines are rejected.
class TemplateStageReader {
 public:
  TemplateStageReader(const std::filesystem::path& path, std::shared_ptr<const etl::Schema> schema,
                      const etl::Task& task)
      : path_(path), lines_(path), rows_(std::move(schema)), task_(task) {
    if (!lines_) throw etl::Error::missing("cannot open " + path_.string());
  }

  /// Returns the next batch, or nothing at the end.
  std::optional<etl::Batch> next() {
    std::string line;
    while (rows_.bytes() < etl::batch_bytes && std::getline(lines_, line)) take(line);
    if (lines_.bad()) throw etl::Error::transient("cannot read " + path_.string());
    if (rows_.rows() == 0) return std::nullopt;
    return rows_.finish();
  }

 private:
  void take(std::string_view line) {
    task_.read(1);  // every record counts, rejected ones too
    if (++line_number_ % 10'000 == 0 && task_.cancelled()) throw etl::Error::cancelled();
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return task_.reject("no tab", line, line_number_);
    const std::string_view digits = line.substr(tab + 1);
    std::int64_t count = 0;
    const auto [end, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (failure != std::errc{} || end != digits.data() + digits.size()) {
      return task_.reject("the count is not a number", line, line_number_);
    }
    rows_.row(path_.filename().string(), line.substr(0, tab), count);
  }

  std::filesystem::path path_;
  std::ifstream lines_;
  etl::BatchBuilder rows_;
  etl::Task task_;
  std::int64_t line_number_ = 0;
};

/// Reads the *.txt files of a folder; each is a partition.
class TemplateStage {
 public:
  static constexpr auto name = "template_stage";
  static constexpr auto summary = "Words with their counts, one partition per file.";
  static constexpr auto options =
      etl::options(etl::required<etl::Path>("folder", "Folder of *.txt files: WORD TAB COUNT."));
  static constexpr auto columns = etl::columns(
      etl::column("file", "utf8", "Name of the file."), etl::column("word", "utf8", "The word."),
      etl::column("count", "int64", "How often it was counted."));

  TemplateStage(const etl::Options& given, const etl::Context&)
      : folder_(given.get<etl::Path>("folder").text) {}

  etl::Schema schema() const { return *schema_; }

  /// Returns the same partitions in the same order on every call and every host.
  std::vector<etl::Partition> plan() const {
    if (!std::filesystem::is_directory(folder_)) {
      throw etl::Error::config("no such folder: " + folder_.string()).about("folder");
    }
    std::vector<etl::Partition> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
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

  TemplateStageReader read(const etl::Partition& partition, const etl::Predicate&,
                           const etl::Task& task) const {
    return {folder_ / partition.id, schema_, task};
  }

 private:
  std::filesystem::path folder_;
  std::shared_ptr<const etl::Schema> schema_ = std::make_shared<const etl::Schema>(etl::Schema{
      {"file", etl::Type::utf8}, {"word", etl::Type::utf8}, {"count", etl::Type::int64}});
};
