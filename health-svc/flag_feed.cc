#include "health-svc/flag_feed.h"

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "health-svc/flags.h"

namespace perennial::health {
namespace {

constexpr int kMostRows = 500;

}  // namespace

absl::StatusOr<std::optional<v1::WatchFlagsResponse>> FlagFeed::Next() {
  if (start_ < 0) {
    BadRequest bad;
    bad.Add("start_revision", "must not be negative");
    return bad.ToStatus();
  }
  v1::WatchFlagsResponse out;
  const ReadLock read(portfolio_.lock());
  if (!started_) out.set_feed_id(portfolio_.feed_id());
  if (!started_ && !known_as_.empty() && known_as_ != portfolio_.feed_id()) {
    return WithReason(absl::OutOfRangeError("this is another feed than the one that feed_id names; begin anew with 0"),
                      "OTHER_FEED");
  }
  if (!started_ && start_ > portfolio_.flag_revision()) {
    return WithReason(
        absl::OutOfRangeError(absl::StrCat("start_revision ", start_, " was never given out, the newest is ",
                                           portfolio_.flag_revision(), "; begin anew with 0")),
        "REVISION_NEVER_GIVEN");
  }
  const auto& flags = portfolio_.flags_by_revision();
  auto at = flags.upper_bound(sent_);
  for (; at != flags.end() && out.updates_size() < kMostRows; ++at) {
    const FlagKey& key = at->second;
    const std::string& rule_name = portfolio_.RuleName(key);
    v1::FlagUpdate* update = out.add_updates();
    update->set_revision(at->first);
    const auto rule = portfolio_.rules().Find(rule_name);
    if (key.removed != 0 || !rule.has_value() || !portfolio_.flags(*rule).contains(key.row)) {
      update->set_deleted(true);
      update->mutable_flag()->set_name(
          absl::StrCat("accounts/", portfolio_.table().account_id(key.row), "/flags/", rule_name));
    } else {
      *update->mutable_flag() =
          ToFlag(portfolio_, key.row, *rule, portfolio_.flags(*rule).find(key.row)->second, clock_.Now());
    }
  }
  const bool has_everything = at == flags.end();
  if (started_ && out.updates().empty()) return std::nullopt;
  started_ = true;
  sent_ = has_everything ? portfolio_.flag_revision() : out.updates(out.updates_size() - 1).revision();
  out.set_progress_revision(sent_);
  out.set_caught_up(has_everything);
  return out;
}

}  // namespace perennial::health
