#include "core/runtime/plugin/filter_stage.hpp"

namespace etl::runtime {

Schema FilterStage::schema(const Schema& in) const {
  detail::OwnedSchema out;
  call(table().filter->schema, self(), exported(in).get(), out.out());
  return imported(out);
}

std::optional<etl_predicate> FilterStage::predicate(const Schema& in) const {
  if (table().filter->predicate == nullptr) return std::nullopt;
  etl_predicate out{};
  out.struct_size = sizeof(out);
  call(table().filter->predicate, self(), exported(in).get(), &out);
  if (out.keep == nullptr) return std::nullopt;
  return out;
}

/// Receives the batches that a filter emits.
struct FilterRun::Emission {
  const FilterRun& run;
  const std::function<void(Batch)>& give;
  Callback callback;

  static int emit(void* ctx, ArrowArray* batch) {
    auto& self = *static_cast<Emission*>(ctx);
    detail::OwnedArray array(batch);
    return self.callback.run([&] {
      ArrowArray moved;
      array.move_to(&moved);
      self.give(self.run.stage_.accept(&moved, self.run.out_));
    });
  }
};

FilterRun::FilterRun(const FilterStage& stage, const Schema& in, const Schema& out,
                     const etl_task* task)
    : stage_(stage), out_(std::make_shared<const Schema>(out)) {
  stage_.call(stage_.table().filter->open, stage_.self(), exported(in).get(), task, &state_);
}

FilterRun::~FilterRun() { stage_.table().filter->close(state_); }

void FilterRun::apply(Batch batch, const std::function<void(Batch)>& emit) {
  ArrowArray array;
  std::move(batch).move_to(&array);
  Emission emission{*this, emit, {}};
  stage_.call(emission.callback, stage_.table().filter->apply, state_, &array, &Emission::emit,
              static_cast<void*>(&emission));
}

void FilterRun::finish(const std::function<void(Batch)>& emit) {
  if (stage_.table().filter->finish == nullptr) return;
  Emission emission{*this, emit, {}};
  stage_.call(emission.callback, stage_.table().filter->finish, state_, &Emission::emit,
              static_cast<void*>(&emission));
}

}  // namespace etl::runtime
