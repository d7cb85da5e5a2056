#include "core/runtime/plugin/share_batch.hpp"

#include <memory>

namespace etl::runtime {
namespace {

/// The structs of one copy. The buffers belong to the shared original.
struct Copy {
  std::shared_ptr<const Batch> original;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> pointers;

  static void release_child(ArrowArray* child) {
    delete static_cast<std::shared_ptr<const Batch>*>(child->private_data);
    child->release = nullptr;
  }
  static void release(ArrowArray* array) {
    auto* copy = static_cast<Copy*>(array->private_data);
    for (ArrowArray& child : copy->children) {
      if (child.release != nullptr) child.release(&child);
    }
    delete copy;
    array->release = nullptr;
  }
};

detail::OwnedArray copy_of(const std::shared_ptr<const Batch>& original) {
  auto copy = std::make_unique<Copy>();
  copy->original = original;
  const ArrowArray& from = original->array();
  copy->children.resize(static_cast<std::size_t>(from.n_children));
  for (ArrowArray& child : copy->children) copy->pointers.push_back(&child);
  ArrowArray array = from;
  array.children = copy->pointers.data();
  array.release = &Copy::release;
  std::vector<ArrowArray>& children = copy->children;
  array.private_data = copy.release();
  detail::OwnedArray owned(&array);
  for (std::size_t i = 0; i < children.size(); ++i) {
    // A child shares the ownership, too: a consumer may move it out of the batch.
    auto share = std::make_unique<std::shared_ptr<const Batch>>(original);
    children[i] = *from.children[i];
    children[i].private_data = share.release();
    children[i].release = &Copy::release_child;
  }
  return owned;
}

}  // namespace

std::vector<Batch> share_batch(Batch batch, std::size_t count) {
  std::vector<Batch> copies;
  if (count == 1) {
    copies.push_back(std::move(batch));
    return copies;
  }
  const auto schema = batch.shared_schema();
  const auto original = std::make_shared<const Batch>(std::move(batch));
  for (std::size_t i = 0; i < count; ++i) copies.emplace_back(copy_of(original), schema);
  return copies;
}

}  // namespace etl::runtime
