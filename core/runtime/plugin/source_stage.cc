#include "core/runtime/plugin/source_stage.hpp"

namespace etl::runtime {
namespace {

template <class Text>
std::vector<etl_str> abi_list(std::span<const Text> texts) {
  std::vector<etl_str> list;
  list.reserve(texts.size());
  for (const Text& text : texts) list.push_back(detail::to_abi(text));
  return list;
}

}  // namespace

Schema SourceStage::schema() const {
  detail::OwnedSchema schema;
  call(table().source->schema, self(), schema.out());
  return imported(schema);
}

std::vector<Partition> SourceStage::plan() const {
  return listed<Partition, etl_partition>(*this, table().source->plan, self());
}

void SourceStage::expect(const std::vector<std::string>& ids) const {
  if (table().source->expect == nullptr) return;
  const std::vector<etl_str> list = abi_list(std::span(ids));
  call(table().source->expect, self(), list.data(), list.size());
}

bool SourceStage::ready(std::string_view id) const {
  return table().source->ready == nullptr || table().source->ready(self(), detail::to_abi(id)) != 0;
}

void SourceStage::finish(std::string_view id) const {
  if (table().source->finish != nullptr) table().source->finish(self(), detail::to_abi(id));
}

detail::OwnedStream SourceStage::read(const Partition& partition, const etl_predicate* predicate,
                                      const etl_task* task) const {
  const etl_partition abi = detail::to_abi(partition);
  detail::OwnedStream stream;
  call(table().source->read, self(), &abi, predicate, task, stream.out());
  return require_readable(std::move(stream));
}

detail::OwnedStream SourceStage::replay(const Partition& partition,
                                        std::span<const std::string_view> records,
                                        const etl_task* task) const {
  const etl_partition abi = detail::to_abi(partition);
  const std::vector<etl_str> list = abi_list(records);
  detail::OwnedStream stream;
  call(table().source->replay, self(), &abi, list.data(), list.size(), task, stream.out());
  return require_readable(std::move(stream));
}

detail::OwnedStream SourceStage::require_readable(detail::OwnedStream stream) const {
  if (stream && stream->get_next != nullptr) return stream;
  throw failure(Error(Code::internal, "returned no stream to read from"));
}

}  // namespace etl::runtime
