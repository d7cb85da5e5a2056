/// \file
/// A filter that keeps everything, to measure the cost of an additional stage.
#include <etl/plugin.hpp>

namespace {

class PassThrough {
 public:
  static constexpr auto name = "pass_through";
  static constexpr auto summary = "Keeps every row.";
  static constexpr auto options = etl::options();

  PassThrough(const etl::Options& /*given*/, const etl::Context& /*context*/) {}

  [[nodiscard]] static etl::Schema schema(const etl::Schema& in) { return in; }
  [[nodiscard]] static etl::Batch apply(etl::Batch batch) { return batch; }
};

}  // namespace

ETL_PLUGIN("pass_through", "1.0.0", PassThrough);
