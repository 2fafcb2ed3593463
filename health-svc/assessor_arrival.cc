// How an assessor takes in the feed for the first time: a start with a million accounts is as quick as reading them.
#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "health-svc/assessor.h"
#include "health-svc/settled_rows.h"

namespace perennial::health {
namespace {

// Rows compared at once, a multiple of 64.
constexpr facts::RowId kRowsCompared = 65536;
// Rows assessed in one transaction.
constexpr std::size_t kRowsAtOnce = 1000;

}  // namespace

absl::Status Assessor::Arrive(const perennial::accounts::v1::WatchFactsResponse& message,
                              const std::vector<ReadRow>& rows) {
  std::vector<Assessment> deleted;
  for (const ReadRow& row : rows) {
    if (row.deleted && portfolio_.Find(row.account_id).has_value()) {
      deleted.push_back({.account_id = row.account_id, .deleted = true, .changed = true});
    }
  }
  // What is stored reflects no more facts than before until all have come.
  PERENNIAL_RETURN_IF_ERROR(Store(deleted, Now(), 0));
  {
    const WriteLock write(portfolio_.lock());
    std::size_t next = 0;
    for (const AppliedRow& applied : applier_->Write(message, rows)) {
      const ReadRow& read = rows[next++];
      (void)portfolio_.mutable_entry(applied.row);
      portfolio_.FollowParent(applied.row);
      if (applied.row >= arrivals_.size()) arrivals_.resize(applied.row + 1);
      arrivals_[applied.row] = read.deleted ? Arrival() : Arrival{.as_of = read.as_of, .revision = read.revision};
      // One that comes after the tombstone of an account which had its id is still to be assessed.
      portfolio_.mutable_entry(applied.row).seen = read.deleted;
    }
    Publish(deleted);
  }
  to_assess_ = static_cast<std::int64_t>(arrivals_.size());
  const absl::Status followed_up = FollowUp();
  if (!arriving_) published_();
  return followed_up;
}

absl::Status Assessor::AssessArrived() {
  const auto count = static_cast<facts::RowId>(std::min(arrivals_.size(), portfolio_.table().row_count()));
  for (facts::RowId first = 0; first < count; first += kRowsCompared) {
    PERENNIAL_RETURN_IF_ERROR(AssessArrivedRange(first, std::min(count, first + kRowsCompared)));
    to_assess_ = count - std::min(count, first + kRowsCompared);
  }
  arriving_ = false;
  assess_all_ = false;  // that was all
  arrivals_ = {};
  return absl::OkStatus();
}

absl::Status Assessor::AssessArrivedRange(facts::RowId first, facts::RowId end) {
  const absl::Time now = Now();
  const facts::Bitmap settled =
      SettledRows(portfolio_).Find(first, end, [&](facts::RowId row) { return arrivals_[row].as_of; });
  std::vector<facts::RowId> rows;
  {
    const WriteLock write(portfolio_.lock());
    for (facts::RowId row = first; row < end; ++row) {
      // One that was assessed before an error stopped this is seen already.
      if (arrivals_[row].revision == 0 || portfolio_.entry(row).seen) continue;
      if (!settled.Test(row - first)) {
        rows.push_back(row);
        continue;
      }
      Portfolio::Entry& entry = portfolio_.mutable_entry(row);
      entry.as_of = arrivals_[row].as_of;
      entry.facts_revision = arrivals_[row].revision;
      entry.seen = true;
      if (NeedsLookBack(row)) missing_.insert(portfolio_.table().account_id(row));
    }
  }
  for (std::size_t begin = 0; begin < rows.size(); begin += kRowsAtOnce) {
    if (stopping_) return absl::CancelledError("the process is stopping");
    std::vector<Assessment> assessments;
    const std::size_t stop = std::min(begin + kRowsAtOnce, rows.size());
    for (std::size_t i = begin; i < stop; ++i) {
      const facts::TableRow facts(portfolio_.table(), rows[i]);
      assessments.push_back(Assess(portfolio_, {.account_id = portfolio_.table().account_id(rows[i]),
                                                .facts = facts,
                                                .as_of = arrivals_[rows[i]].as_of,
                                                .facts_revision = arrivals_[rows[i]].revision,
                                                .now = now,
                                                .override_score = ActiveOverride(rows[i], now),
                                                .carried = portfolio_.CarriedOf(rows[i])}));
    }
    PERENNIAL_RETURN_IF_ERROR(Store(assessments, now, 0));
    const WriteLock write(portfolio_.lock());
    Publish(assessments);
    for (std::size_t i = begin; i < stop; ++i) {
      portfolio_.mutable_entry(rows[i]).seen = true;
      if (NeedsLookBack(rows[i])) missing_.insert(portfolio_.table().account_id(rows[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace perennial::health
