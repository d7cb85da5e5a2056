/// \file
/// Measures the cost of passing a batch through a stage: calls the pass-through filter through the C ABI's
/// tables, as the runner does.
#include "host.hpp"

#include <array>

extern "C" const etl_plugin etl_plugin_v1;

namespace {

void PassThrough(benchmark::State& state) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const etl_stage& stage = *etl_plugin_v1.stages[0];
  etl_error error{};
  error.struct_size = sizeof(error);
  static constexpr etl_host host = {sizeof(etl_host),
                                    ETL_ABI_MINOR,
                                    nullptr,
                                    [](void*, std::uint32_t, etl_str) {},
                                    [](void*) { return 0; },
                                    [](void*, const char*) -> const void* { return nullptr; },
                                    [](void*, std::int64_t) {},
                                    [](void*) {}};
  void* self = nullptr;
  if (stage.create(&host, nullptr, 0, &self, &error) != ETL_OK)
    return state.SkipWithError(error.message);
  ArrowSchema schema{};
  etl::detail::export_schema(micro::schema(), &schema);
  const etl_task task = micro::task_table();
  void* open = nullptr;
  if (stage.filter->open(self, &schema, &task, &open, &error) != ETL_OK)
    return state.SkipWithError(error.message);
  ArrowArray travelling{};
  micro::batch(rows).move_to(&travelling);
  const auto emit = [](void* to, ArrowArray* batch) {
    *static_cast<ArrowArray*>(to) = *batch;
    batch->release = nullptr;
    return 0;
  };
  for (auto _ : state) {
    ArrowArray out{};
    if (stage.filter->apply(open, &travelling, emit, &out, &error) != ETL_OK)
      return state.SkipWithError(error.message);
    travelling = out;
  }
  travelling.release(&travelling);
  stage.filter->close(open);
  schema.release(&schema);
  stage.destroy(self);
}
BENCHMARK(PassThrough)->Arg(100)->Arg(20'000);

}  // namespace
