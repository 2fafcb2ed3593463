#include "health-svc/score_feed.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"

namespace perennial::health {
namespace {

constexpr int kMostRows = 500;

}  // namespace

absl::StatusOr<std::optional<v1::WatchHealthScoresResponse>> ScoreFeed::Next() {
  if (start_ < 0) {
    BadRequest bad;
    bad.Add("start_revision", "must not be negative");
    return bad.ToStatus();
  }
  v1::WatchHealthScoresResponse out;
  const ReadLock read(portfolio_.lock());
  if (!started_) out.set_feed_id(portfolio_.feed_id());
  if (!started_ && !known_as_.empty() && known_as_ != portfolio_.feed_id()) {
    return WithReason(absl::OutOfRangeError("this is another feed than the one that feed_id names; begin anew with 0"),
                      "OTHER_FEED");
  }
  if (!started_ && start_ > portfolio_.revision()) {
    return WithReason(
        absl::OutOfRangeError(absl::StrCat("start_revision ", start_, " was never given out, the newest is ",
                                           portfolio_.revision(), "; begin anew with 0")),
        "REVISION_NEVER_GIVEN");
  }
  const auto& rows = portfolio_.by_revision();
  auto at = rows.upper_bound(sent_);
  for (; at != rows.end() && out.updates_size() < kMostRows; ++at) {
    v1::HealthScoreUpdate* update = out.add_updates();
    update->set_account_id(portfolio_.table().account_id(at->second));
    update->set_revision(at->first);
    if (portfolio_.entry(at->second).deleted) {
      update->set_deleted(true);
    } else {
      portfolio_.GetScore(at->second, update->mutable_health_score());
    }
  }
  const bool has_everything = at == rows.end();
  if (out.updates().empty() && facts_revision_ == portfolio_.scored_revision()) return std::nullopt;
  started_ = true;
  sent_ = has_everything ? portfolio_.revision() : out.updates(out.updates_size() - 1).revision();
  // Facts are reflected in what was sent only once all scores were: an account that was still to come may have moved
  // on.
  if (has_everything) facts_revision_ = portfolio_.scored_revision();
  out.set_progress_revision(sent_);
  out.set_facts_revision(std::max<std::int64_t>(facts_revision_, 0));
  out.set_caught_up(has_everything);
  return out;
}

}  // namespace perennial::health
