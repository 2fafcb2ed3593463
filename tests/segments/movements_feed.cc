#include "tests/segments/movements_feed.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/money.h"
#include "common/base/time_util.h"

namespace perennial::segments::testing {

absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  const std::string full = text.find('T') == std::string::npos ? absl::StrCat(text, "T00:00:00Z") : text;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, full, &time, &error)) << error;
  return time;
}

std::int64_t MovementsFeed::Put(const std::string& account, const std::vector<Change>& changes) {
  perennial::accounts::v1::AccountLedger ledger;
  ledger.set_account(absl::StrCat("accounts/", account));
  ledger.set_revision(++revision_);
  Micros before = 0;
  bool paid = false;
  for (const Change& change : changes) {
    const Micros mrr = MicrosOfNumber(change.mrr);
    auto* movement = ledger.add_movements();
    SetTimestamp(At(change.time), movement->mutable_effective_time());
    movement->mutable_amount()->set_amount(FormatAmount(mrr - before));
    movement->mutable_amount()->set_currency_code("USD");
    movement->mutable_mrr_after()->set_amount(FormatAmount(mrr));
    movement->mutable_mrr_after()->set_currency_code("USD");
    if (before == 0) {
      movement->set_kind(paid ? perennial::accounts::v1::MOVEMENT_KIND_REACTIVATION
                              : perennial::accounts::v1::MOVEMENT_KIND_NEW);
    } else if (mrr == 0) {
      movement->set_kind(perennial::accounts::v1::MOVEMENT_KIND_CHURN);
    } else {
      movement->set_kind(mrr > before ? perennial::accounts::v1::MOVEMENT_KIND_EXPANSION
                                      : perennial::accounts::v1::MOVEMENT_KIND_CONTRACTION);
    }
    paid = true;
    before = mrr;
  }
  ledgers_[account] = std::move(ledger);
  return revision_;
}

std::int64_t MovementsFeed::Delete(const std::string& account) {
  perennial::accounts::v1::AccountLedger ledger;
  ledger.set_account(absl::StrCat("accounts/", account));
  ledger.set_revision(++revision_);
  ledger.set_deleted(true);
  ledgers_[account] = std::move(ledger);
  return revision_;
}

perennial::accounts::v1::WatchRevenueMovementsResponse MovementsFeed::Since(std::int64_t revision) const {
  std::map<std::int64_t, const perennial::accounts::v1::AccountLedger*> newer;
  for (const auto& [account, ledger] : ledgers_) {
    if (ledger.revision() > revision) newer[ledger.revision()] = &ledger;
  }
  perennial::accounts::v1::WatchRevenueMovementsResponse message;
  for (const auto& [at, ledger] : newer) *message.add_ledgers() = *ledger;
  message.set_progress_revision(revision_);
  message.set_caught_up(true);
  message.set_feed_id(feed_id_);
  return message;
}

}  // namespace perennial::segments::testing
