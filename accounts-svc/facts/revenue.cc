#include "accounts-svc/facts/revenue.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/numeric/int128.h"

namespace perennial::accounts {
namespace {

// Counted MRR of a subscription in a state, at a moment within the state's validity.
Micros CountedMrr(const SubscriptionVersion& version, absl::Time time) {
  const SubscriptionState& state = version.state;
  if (state.trial || time < version.start || (state.end.has_value() && time >= *state.end)) return 0;
  return state.mrr;
}

// Changes of one subscription's counted MRR, added to `deltas`. `begin` to `end` are its versions in order of time.
void AddDeltas(const SubscriptionVersion* begin, const SubscriptionVersion* end, absl::Time as_of,
               std::map<absl::Time, absl::int128>& deltas) {
  Micros present = 0;
  const auto change = [&](absl::Time time, Micros mrr) {
    if (mrr == present || time > as_of) return;
    deltas[time] += mrr - present;
    present = mrr;
  };
  for (const SubscriptionVersion* version = begin; version != end; ++version) {
    const absl::Time from = std::max(version->effective, version->start);
    const absl::Time until = version + 1 == end ? absl::InfiniteFuture() : (version + 1)->effective;
    change(from, CountedMrr(*version, from));
    const auto& state_end = version->state.end;
    // An end in the future of a state takes effect only while that state holds.
    if (state_end.has_value() && *state_end > from && *state_end < until) change(*state_end, 0);
  }
}

}  // namespace

std::vector<SubscriptionVersion> ActiveAt(const std::vector<SubscriptionVersion>& versions, absl::Time time) {
  std::vector<SubscriptionVersion> active;
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const bool last_by_then = i + 1 == versions.size() || versions[i + 1].id != versions[i].id ||
                              versions[i + 1].effective > time;
    if (!last_by_then || versions[i].effective > time || versions[i].start > time) continue;
    if (versions[i].state.end.has_value() && *versions[i].state.end <= time) continue;
    active.push_back(versions[i]);
  }
  return active;
}

std::vector<MrrPoint> MrrTimeline(const std::vector<SubscriptionVersion>& versions, absl::Time as_of) {
  std::map<absl::Time, absl::int128> deltas;
  for (std::size_t begin = 0; begin < versions.size();) {
    std::size_t end = begin + 1;
    while (end < versions.size() && versions[end].id == versions[begin].id) ++end;
    AddDeltas(&versions[begin], &versions[begin] + (end - begin), as_of, deltas);
    begin = end;
  }
  std::vector<MrrPoint> timeline;
  absl::int128 total = 0;
  Micros before = 0;
  for (const auto& [time, delta] : deltas) {
    total += delta;
    // Nobody earns so much; the bound keeps sums of nonsense defined.
    const auto mrr = static_cast<Micros>(std::min<absl::int128>(total, std::numeric_limits<Micros>::max()));
    if (mrr == before) continue;
    timeline.push_back({time, mrr});
    before = mrr;
  }
  return timeline;
}

std::vector<Movement> MovementsOf(const std::vector<MrrPoint>& timeline) {
  std::vector<Movement> movements;
  Micros before = 0;
  bool has_paid = false;
  for (const MrrPoint& point : timeline) {
    Movement movement{.time = point.time, .amount = point.mrr - before, .mrr_after = point.mrr};
    if (before == 0) {
      movement.kind = has_paid ? MovementKind::kReactivation : MovementKind::kNew;
    } else if (point.mrr == 0) {
      movement.kind = MovementKind::kChurn;
    } else {
      movement.kind = movement.amount > 0 ? MovementKind::kExpansion : MovementKind::kContraction;
    }
    has_paid = true;
    before = point.mrr;
    movements.push_back(movement);
  }
  return movements;
}

}  // namespace perennial::accounts
