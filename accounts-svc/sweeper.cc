#include "accounts-svc/sweeper.h"

#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {
constexpr char kSweptDay[] = "swept_day";
constexpr int kAccountsAWrite = 200;
}  // namespace

Sweeper::Sweeper(Store& store, const FactsWriter& facts, const Clock& clock)
    : store_(store), facts_(facts), clock_(clock), thread_([this] { Loop(); }) {}

Sweeper::~Sweeper() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool Sweeper::Stopping() {
  MutexLock lock(mu_);
  return stopping_;
}

void Sweeper::Loop() {
  for (;;) {
    if (const absl::Status status = SweepIfDue(); !status.ok()) {
      Log(LogLevel::kError, "sweep failed; trying again", {{"status", status.ToString()}});
    }
    MutexLock lock(mu_);
    if (stopping_) return;
    lock.WaitFor(changed_, std::chrono::seconds(1));
    if (stopping_) return;
  }
}

absl::Status Sweeper::SweepIfDue() {
  const std::int64_t today = DayOf(clock_.Now());
  const std::int64_t metric_changes = facts_.metric_changes();
  std::string swept;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(swept, transaction.GetSetting(kSweptDay));
    return absl::OkStatus();
  }));
  if (swept == absl::StrCat(today) && metric_changes == swept_metric_changes_) return absl::OkStatus();
  PERENNIAL_RETURN_IF_ERROR(SweepAll());
  if (Stopping()) return absl::OkStatus();
  PERENNIAL_RETURN_IF_ERROR(
      store_.Write([&](WriteTransaction& transaction) { return transaction.PutSetting(kSweptDay, absl::StrCat(today)); })
          .status());
  swept_metric_changes_ = metric_changes;
  return absl::OkStatus();
}

absl::Status Sweeper::SweepAll() {
  AccountNo after = 0;
  while (!Stopping()) {
    std::vector<AccountNo> numbers;
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(numbers, transaction.ListAccountNos(after, kAccountsAWrite));
      return absl::OkStatus();
    }));
    if (numbers.empty()) return absl::OkStatus();
    after = numbers.back();
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) {
                                    for (const AccountNo no : numbers) transaction.Touch(no);
                                    return absl::OkStatus();
                                  })
                                  .status());
  }
  return absl::OkStatus();
}

}  // namespace perennial::accounts
