#include "accounts-svc/sweeper.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/purge.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {
constexpr char kSwept[] = "swept";
// Some 10 ms of the writer's time: others' writes wait no longer for it.
constexpr int kAccountsAWrite = 100;
constexpr int kRequestsAWrite = 1000;
}  // namespace

Sweeper::Sweeper(Store& store, const Clock& clock, std::chrono::milliseconds interval)
    : store_(store), clock_(clock), interval_(interval), thread_([this] { Loop(); }) {}

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
    lock.WaitFor(changed_, interval_);
    if (stopping_) return;
  }
}

absl::StatusOr<std::string> Sweeper::GoalAt(absl::Time now) {
  std::uint64_t known = Fnv1a64("");
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
    // Which, and not how many: one may come to be known while another is forgotten.
    for (const Metric& metric : metrics) {
      if (metric.first_time <= now) known = Fnv1a64(absl::StrCat(metric.no, ","), known);
    }
    if (swept_.empty()) {
      PERENNIAL_ASSIGN_OR_RETURN(swept_, transaction.GetSetting(kSwept));
    }
    return absl::OkStatus();
  }));
  return absl::StrCat(DayOf(now), "/", known, "/", kFactsVersion);
}

absl::Status Sweeper::SweepIfDue() {
  const absl::Time now = clock_.Now();
  PERENNIAL_RETURN_IF_ERROR(SweepDue(now));
  PERENNIAL_RETURN_IF_ERROR(RefreshAsked());
  PERENNIAL_RETURN_IF_ERROR(ForgetRequests(now));
  PERENNIAL_RETURN_IF_ERROR(FinishPurges(store_, [this] { return Stopping(); }));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string goal, GoalAt(now));
  if (goal == swept_) return absl::OkStatus();
  if (goal != goal_) {
    goal_ = goal;
    swept_until_ = 0;
  }
  PERENNIAL_RETURN_IF_ERROR(SweepAll());
  if (Stopping()) return absl::OkStatus();
  PERENNIAL_RETURN_IF_ERROR(
      store_.Write([&](WriteTransaction& transaction) { return transaction.PutSetting(kSwept, goal); }).status());
  swept_ = goal;
  goal_.clear();
  return absl::OkStatus();
}

absl::Status Sweeper::TouchAll(const std::vector<AccountNo>& numbers) {
  const absl::Status status = store_
                                  .Write([&](WriteTransaction& transaction) {
                                    for (const AccountNo no : numbers) transaction.Touch(no);
                                    return absl::OkStatus();
                                  })
                                  .status();
  if (status.ok() || absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return status;
  if (numbers.size() > 1) {
    for (const AccountNo no : numbers) PERENNIAL_RETURN_IF_ERROR(TouchAll({no}));
    return absl::OkStatus();
  }
  // One account that cannot be computed must not hold up all others' facts.
  Log(LogLevel::kError, "facts of an account cannot be computed",
      {{"account_no", absl::StrCat(numbers.front())}, {"status", status.ToString()}});
  return store_.Write([&](WriteTransaction& transaction) { return transaction.SetDue(numbers.front(), std::nullopt); })
      .status();
}

absl::Status Sweeper::SweepDue(absl::Time now) {
  while (!Stopping()) {
    std::vector<AccountNo> numbers;
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(numbers, transaction.ListDue(now, kAccountsAWrite));
      return absl::OkStatus();
    }));
    if (numbers.empty()) return absl::OkStatus();
    PERENNIAL_RETURN_IF_ERROR(TouchAll(numbers));
  }
  return absl::OkStatus();
}

absl::Status Sweeper::ForgetRequests(absl::Time now) {
  const absl::Time until = now - kRequestLifetime;
  bool more = false;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(more, transaction.HasRequests(until));
    return absl::OkStatus();
  }));
  while (more && !Stopping()) {
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const int forgotten,
                                                               transaction.DeleteRequests(until, kRequestsAWrite));
                                    more = forgotten == kRequestsAWrite;
                                    return absl::OkStatus();
                                  })
                                  .status());
  }
  return absl::OkStatus();
}

// How far it is, is written with what was done: a restart goes on there.
absl::Status Sweeper::RefreshAsked() {
  while (!Stopping()) {
    std::optional<Refresh> refresh;
    std::vector<AccountNo> numbers;
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(refresh, transaction.FindRefresh());
      if (!refresh.has_value()) return absl::OkStatus();
      PERENNIAL_ASSIGN_OR_RETURN(
          numbers, refresh->currency.empty()
                       ? transaction.ListAccountNos(refresh->after, kAccountsAWrite)
                       : transaction.ListAccountsCountedAt(refresh->currency, refresh->begin, refresh->end,
                                                           refresh->after, kAccountsAWrite));
      return absl::OkStatus();
    }));
    if (!refresh.has_value()) return absl::OkStatus();
    const std::optional<AccountNo> until = numbers.empty() ? std::nullopt : std::optional(numbers.back());
    const auto advance = [&](WriteTransaction& transaction) { return transaction.AdvanceRefresh(*refresh, until); };
    const absl::Status status = store_
                                    .Write([&](WriteTransaction& transaction) {
                                      for (const AccountNo no : numbers) transaction.Touch(no);
                                      return advance(transaction);
                                    })
                                    .status();
    if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status) || (!status.ok() && numbers.empty())) {
      return status;
    }
    if (!status.ok()) {  // an account is to blame; the others go on without it
      PERENNIAL_RETURN_IF_ERROR(TouchAll(numbers));
      PERENNIAL_RETURN_IF_ERROR(store_.Write(advance).status());
    }
    PERENNIAL_RETURN_IF_ERROR(SweepDue(clock_.Now()));  // phases do not wait until all of it is done
  }
  return absl::OkStatus();
}

absl::Status Sweeper::SweepAll() {
  while (!Stopping()) {
    std::vector<AccountNo> numbers;
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(numbers, transaction.ListAccountNos(swept_until_, kAccountsAWrite));
      return absl::OkStatus();
    }));
    if (numbers.empty()) return absl::OkStatus();
    PERENNIAL_RETURN_IF_ERROR(TouchAll(numbers));
    swept_until_ = numbers.back();
  }
  return absl::OkStatus();
}

}  // namespace perennial::accounts
