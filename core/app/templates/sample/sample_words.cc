/// A source without input: rows to try the plugin with.
#include <etl/plugin.hpp>

namespace {

struct Word {
  std::string_view word;
  std::int64_t count;
};

const std::vector<std::pair<std::string, std::vector<Word>>> days = {
    {"monday", {{"apple", 3}, {"banana", 5}, {"cherry", 1}}},
    {"tuesday", {{"apricot", 1}, {"blueberry", 4}}},
};

/// Returns all words of one day in one batch.
class DayReader {
 public:
  DayReader(std::string day, const etl::Schema& schema) : day_(std::move(day)), rows_(schema) {}

  std::optional<etl::Batch> next() {
    if (std::exchange(ended_, true)) return std::nullopt;
    for (const auto& [day, words] : days) {
      if (day != day_) continue;
      for (const Word& word : words) rows_.row(day, word.word, word.count);
    }
    return rows_.finish();
  }

 private:
  std::string day_;
  etl::BatchBuilder rows_;
  bool ended_ = false;
};

/// Words of two days; each day is a partition.
class SampleWords {
 public:
  static constexpr auto name = "sample_words";
  static constexpr auto summary = "A few words to try a plugin with.";
  static constexpr auto options = etl::options();
  static constexpr auto columns =
      etl::columns(etl::column("day", "utf8", "The day."), etl::column("word", "utf8", "A word."),
                   etl::column("count", "int64", "How often it was counted."));

  SampleWords(const etl::Options&, const etl::Context&) {}

  etl::Schema schema() const {
    return {{"day", etl::Type::utf8}, {"word", etl::Type::utf8}, {"count", etl::Type::int64}};
  }
  std::vector<etl::Partition> plan() const {
    std::vector<etl::Partition> partitions;
    for (const auto& [day, words] : days) {
      partitions.push_back({.id = day, .uri = "sample:" + day, .bytes = -1, .scope = {"day", day}});
    }
    return partitions;
  }
  DayReader read(const etl::Partition& partition, const etl::Predicate&, const etl::Task&) const {
    return {partition.id, schema()};
  }
};

}  // namespace

ETL_PLUGIN("sample_words", "1.0.0", SampleWords);
