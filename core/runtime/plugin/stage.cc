#include "core/runtime/plugin/stage.hpp"

#include <etl/context.hpp>

#include <utility>

namespace etl::runtime {

Error reported_error(int code, const etl_error& error) {
  Error reported = detail::to_error(code, error);
  const bool known = code >= ETL_CONFIG && code <= ETL_INTERNAL;
  if (known && !reported.message().empty()) return reported;
  std::string message =
      reported.message().empty() ? "failed without saying why" : reported.message();
  if (!known) message += " (error code " + std::to_string(code) + ")";
  return Error(known ? reported.code() : Code::internal, std::move(message))
      .about(reported.option())
      .retry_after(reported.retry_after());
}

Stage::Stage(const etl_stage& table, std::string name, std::span<const etl_option> options,
             const StageServices& services)
    : table_(&table),
      origin_{std::move(name), kind_of(table)},
      services_(services),
      memory_(services.memory) {
  const auto log = [](void* ctx, std::uint32_t level, etl_str text) {
    of(ctx).services_.log(of(ctx).name(), level, detail::to_view(text));
  };
  const auto cancelled = [](void* ctx) {
    return of(ctx).services_.cancellation.requested_here() ? 1 : 0;
  };
  const auto extension = [](void* ctx, const char* id) -> const void* {
    const StageServices& offered = of(ctx).services_;
    if (std::string_view(id) == ETL_SLOTS) return offered.slots;
    if (std::string_view(id) == ETL_READS_NOTHING) return offered.reads ? nullptr : id;
    if (std::string_view(id) == ETL_RELOAD) return offered.reload ? id : nullptr;
    return nullptr;
  };
  const auto memory = [](void* ctx, std::int64_t change) { of(ctx).memory_.add(change); };
  const auto wake = [](void* ctx) {
    if (of(ctx).services_.wake) of(ctx).services_.wake();
  };
  host_ = {sizeof(host_), ETL_ABI_MINOR, this, log, cancelled, extension, memory, wake};
  call(table_->create, &host_, options.data(), options.size(), &self_);
}

Stage::~Stage() {
  if (self_ != nullptr) table_->destroy(self_);
}

Batch Stage::accept(ArrowArray* array, std::shared_ptr<const Schema> schema) const {
  try {
    return {array, std::move(schema)};
  } catch (const Error& error) {
    throw failure(error);
  }
}

Schema Stage::imported(const detail::OwnedSchema& schema) const {
  Schema columns;
  try {
    if (schema) columns = detail::import_schema(*schema.get());
  } catch (const Error& error) {
    throw failure(error);
  }
  if (columns.size() == 0) throw failure(Error(Code::internal, "gave no columns"));
  return columns;
}

}  // namespace etl::runtime
