/// \file
/// Shares one batch among several stages.
#pragma once

#include <etl/batch.hpp>

#include <vector>

namespace etl::runtime {

/// Returns `count` batches over the same memory, which is freed with the last of them. They may be
/// used and released by different threads. Costs a few small allocations per column; copies no
/// data.
std::vector<Batch> share_batch(Batch batch, std::size_t count);

}  // namespace etl::runtime
