#include "cli/watch_state.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

// Adds an event of `kind` for each flag that `now` has and `other` hasn't. Both sorted.
void AddFlagEvents(const std::vector<std::string>& now, const std::vector<std::string>& other, const WatchEvent& base,
                   WatchKind kind, std::vector<WatchEvent>* events) {
  std::vector<std::string> difference;
  std::set_difference(now.begin(), now.end(), other.begin(), other.end(), std::back_inserter(difference));
  for (std::string& rule : difference) {
    WatchEvent event = base;
    event.kind = kind;
    event.subject = std::move(rule);
    events->push_back(std::move(event));
  }
}

}  // namespace

template <class T>
std::uint32_t ScoreState::Shared<T>::NumberOf(const T& value) {
  const auto [entry, is_new] = numbers.try_emplace(value, static_cast<std::uint32_t>(values.size()));
  if (is_new) values.push_back(value);
  return entry->second;
}

ScorePoint ScoreState::PointOf(const Kept& kept) const {
  return {std::isnan(kept.score) ? std::nullopt : std::optional(kept.score), bands_.values[kept.band], kept.coverage,
          kept.frozen};
}

std::vector<WatchEvent> ScoreState::Apply(const perennial::health::v1::HealthScoreUpdate& update) {
  const auto& score = update.health_score();
  WatchEvent base;
  base.account = absl::StrCat("accounts/", update.account_id());
  base.time = score.has_as_of() ? ToTime(score.as_of()) : absl::Now();
  base.revision = update.revision();

  std::vector<WatchEvent> events;
  const auto known = accounts_.find(update.account_id());
  if (update.deleted()) {
    if (known == accounts_.end()) return events;
    accounts_.erase(known);
    base.kind = WatchKind::kAccountDeleted;
    events.push_back(std::move(base));
    return events;
  }

  Flags flags(score.open_flags().begin(), score.open_flags().end());
  std::sort(flags.begin(), flags.end());
  const Kept kept = {score.has_score() ? score.score() : std::numeric_limits<double>::quiet_NaN(), score.coverage(),
                     bands_.NumberOf(score.band()), flag_sets_.NumberOf(flags), score.frozen()};
  const bool is_new = known == accounts_.end();
  const Flags flags_before = is_new ? Flags() : flag_sets_.values[known->second.flags];
  WatchEvent change = base;
  change.after = PointOf(kept);
  if (!is_new) change.before = PointOf(known->second);
  if (change.before != change.after) events.push_back(std::move(change));
  AddFlagEvents(flags, flags_before, base, WatchKind::kFlagOpened, &events);
  AddFlagEvents(flags_before, flags, base, WatchKind::kFlagCleared, &events);
  accounts_[update.account_id()] = kept;
  return events;
}

void ScoreState::Clear() {
  accounts_.clear();
  bands_ = {};
  flag_sets_ = {};
}

}  // namespace perennial::cli
