#include "health-svc/value_feed.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"

namespace perennial::health {
namespace {

constexpr std::size_t kMostRows = 500;

}  // namespace

absl::StatusOr<std::optional<v1::WatchValuesResponse>> ValueFeed::Next() {
  if (start_ < 0) return BadField("start_revision", "must not be negative");
  v1::WatchValuesResponse out;
  const ReadLock read(portfolio_.lock());
  if (!started_ && !known_as_.empty() && known_as_ != book_.feed_id()) {
    return WithReason(absl::OutOfRangeError("this is another feed than the one that feed_id names; begin anew with 0"),
                      "OTHER_FEED");
  }
  if (!started_ && start_ > book_.revision()) {
    return WithReason(
        absl::OutOfRangeError(absl::StrCat("start_revision ", start_, " was never given out, the newest is ",
                                           book_.revision(), "; begin anew with 0")),
        "REVISION_NEVER_GIVEN");
  }
  // What comes before the facts have been read is not yet all there is.
  if (!book_.caught_up()) return std::nullopt;
  const std::vector<facts::RowId> rows = book_.ChangedAfter(sent_, kMostRows);
  const bool has_everything = rows.size() < kMostRows;
  if (rows.empty() && facts_revision_ == book_.facts_revision()) return std::nullopt;
  for (const facts::RowId row : rows) {
    v1::ValueUpdate* update = out.add_updates();
    update->set_account_id(portfolio_.table().account_id(row));
    update->set_revision(book_.RevisionOf(row));
    if (portfolio_.table().live(row)) {
      book_.Get(row, /*with_reasons=*/false, update->mutable_value());
    } else {
      update->set_deleted(true);
    }
  }
  if (!started_) out.set_feed_id(book_.feed_id());
  started_ = true;
  sent_ = has_everything ? book_.revision() : book_.RevisionOf(rows.back());
  if (has_everything) facts_revision_ = book_.facts_revision();
  out.set_progress_revision(sent_);
  out.set_facts_revision(std::max<std::int64_t>(facts_revision_, 0));
  out.set_caught_up(has_everything);
  return out;
}

}  // namespace perennial::health
