#include "segment-svc/ledger/live_ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/log.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::segments {
namespace {

absl::Status Nonsense(const std::string& account, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("ledger of ", account, ": ", std::string(what)));
}

}  // namespace

absl::Status LedgerNotCaughtUp() {
  const absl::Status status = absl::UnavailableError("the revenue ledger is still being read after a start; try again");
  return WithRetryAfter(WithReason(status, "NOT_CAUGHT_UP"), 500);
}

absl::Status LiveLedger::ReadChange(const perennial::accounts::v1::AccountLedger& ledger, Change& change) const {
  auto id = IdOf(ledger.account(), "accounts");
  if (!id.ok()) return absl::DataLossError("ledger without an account");
  change.account_id = *std::move(id);
  change.steps.reserve(static_cast<std::size_t>(ledger.movements_size()));
  for (const auto& movement : ledger.movements()) {
    if (movement.mrr_after().currency_code() != currency_) {
      return Nonsense(ledger.account(),
                      absl::StrCat("is in \"", movement.mrr_after().currency_code(), "\" instead of ", currency_,
                                   "; start both services with the same --reporting_currency"));
    }
    const auto mrr = ParseAmount(movement.mrr_after().amount());
    if (!mrr.ok() || *mrr < 0) return Nonsense(ledger.account(), "has an MRR that is none");
    if (!IsValidTimestamp(movement.effective_time())) return Nonsense(ledger.account(), "has a time that is none");
    const MrrStep step{.time = StepTime(ToTime(movement.effective_time())), .mrr = *mrr};
    if (!change.steps.empty() && step.time < change.steps.back().time)
      return Nonsense(ledger.account(), "is out of order");
    change.steps.push_back(step);
  }
  return absl::OkStatus();
}

absl::Status LiveLedger::Join(const perennial::accounts::v1::AccountLedger& part, Change& change) {
  if (part.continues_previous()) {
    if (begun_.account_id != change.account_id) return Nonsense(part.account(), "comes without its beginning");
    begun_.steps.insert(begun_.steps.end(), change.steps.begin(), change.steps.end());
    change = std::exchange(begun_, Change());
  }
  if (part.continues_next()) begun_ = std::move(change);
  return absl::OkStatus();
}

absl::Status LiveLedger::Apply(const perennial::accounts::v1::WatchRevenueMovementsResponse& message) {
  std::vector<Change> changes(static_cast<std::size_t>(message.ledgers_size()));
  std::vector<std::string> ids;
  ids.reserve(changes.size());
  std::int64_t revision = message.progress_revision();
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto& ledger = message.ledgers(static_cast<int>(i));
    PERENNIAL_RETURN_IF_ERROR(ReadChange(ledger, changes[i]));
    PERENNIAL_RETURN_IF_ERROR(Join(ledger, changes[i]));
    if (ledger.continues_next()) {
      changes.pop_back();  // no other follows in this message
      break;
    }
    ids.push_back(changes[i].account_id);
    revision = std::max(revision, ledger.revision());
  }
  // Before the lock: it may wait for the facts, whose readers may wait for this.
  const std::vector<facts::RowId> rows = rows_of_(ids);
  {
    const WriteLock lock(mu_);
    for (std::size_t i = 0; i < changes.size(); ++i) ledger_.Replace(rows[i], changes[i].steps);
    position_.revision = std::max(position_.revision, revision);
    if (!message.feed_id().empty()) position_.feed_id = message.feed_id();
    if (message.caught_up() && !caught_up_) {
      caught_up_ = true;
      ledger_.Compact();
      Log(LogLevel::kInfo, "revenue ledger is here", {{"movements", absl::StrCat(ledger_.step_count())}});
    }
  }
  TellProgress();
  return absl::OkStatus();
}

void LiveLedger::TellProgress() const {
  Progress progress;
  {
    const ReadLock lock(mu_);
    progress = {.revision = caught_up_ ? position_.revision : 0, .feed = feeds_};
  }
  advanced_(progress);
}

void LiveLedger::Rewind() {
  {
    const WriteLock lock(mu_);
    ledger_.Clear();
    position_ = {};
    caught_up_ = false;
    ++feeds_;
  }
  TellProgress();
}

LiveLedger::Position LiveLedger::position() const {
  const ReadLock lock(mu_);
  return position_;
}

bool LiveLedger::caught_up() const {
  const ReadLock lock(mu_);
  return caught_up_;
}

}  // namespace perennial::segments
