#include "segment-svc/ledger/revenue_ledger.h"

#include <algorithm>
#include <utility>

namespace perennial::segments {
namespace {
// Below it gaps are not worth closing.
constexpr std::size_t kFewSteps = 4096;
}  // namespace

void RevenueLedger::Replace(facts::RowId row, absl::Span<const MrrStep> steps) {
  if (row >= runs_.size()) {
    if (steps.empty()) return;
    runs_.resize(row + 1);
  }
  Run& run = runs_[row];
  step_count_ += steps.size();
  step_count_ -= run.count;
  if (steps.size() > run.count) {
    run.begin = static_cast<std::uint32_t>(steps_.size());
    steps_.insert(steps_.end(), steps.begin(), steps.end());
  } else {
    std::copy(steps.begin(), steps.end(), steps_.begin() + run.begin);
  }
  run.count = static_cast<std::uint32_t>(steps.size());
  if (steps_.size() > kFewSteps && steps_.size() > 2 * step_count_) Compact();
}

void RevenueLedger::Clear() {
  runs_ = {};
  steps_ = {};
  step_count_ = 0;
}

void RevenueLedger::Compact() {
  std::vector<MrrStep> ordered;
  ordered.reserve(step_count_ + step_count_ / 8);
  for (Run& run : runs_) {
    const auto first = steps_.begin() + run.begin;
    run.begin = static_cast<std::uint32_t>(ordered.size());
    ordered.insert(ordered.end(), first, first + run.count);
  }
  steps_ = std::move(ordered);
}

}  // namespace perennial::segments
