#include "accounts-svc/daily_usage_export.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/records.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

// Rows that are read at once: what is in memory besides a message.
constexpr int kAccounts = 500;
constexpr int kDays = 2000;
// Before the first day on which there may be use.
constexpr std::int64_t kBeforeAllDays = INT64_MIN;
constexpr std::size_t kBytesADay = 12;

// Sends the metric of one state of the store.
class Exporter {
 public:
  Exporter(ReadTransaction& transaction, std::int64_t metric, absl::Time end, const DailyUsageExport::Send& send)
      : transaction_(transaction), metric_(metric), end_(end), last_day_(DayOf(end)), send_(send) {}

  absl::Status All() {
    for (std::string after;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LiveAccountId> page, transaction_.ListAccountIds(after, kAccounts));
      if (page.empty()) return message_.accounts().empty() ? absl::OkStatus() : Flush();
      for (const LiveAccountId& account : page) PERENNIAL_RETURN_IF_ERROR(AddAccount(account));
      after = page.back().id;
    }
  }

 private:
  absl::Status AddAccount(const LiveAccountId& account) {
    for (std::int64_t after = kBeforeAllDays;;) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<DayOfUse> days,
                                 transaction_.ListDaysOfUse(account.no, metric_, after, last_day_ + 1, kDays));
      v1::AccountDailyUsage usage;
      for (const DayOfUse& day : days) PERENNIAL_RETURN_IF_ERROR(AddDay(account, day, usage));
      if (usage.days_size() > 0) {
        usage.set_account(absl::StrCat("accounts/", account.id));
        PERENNIAL_RETURN_IF_ERROR(Add(std::move(usage)));
      }
      if (days.size() < kDays) return absl::OkStatus();
      after = days.back().day;
    }
  }

  // The daily sums are of whole days; of the last one only what came before the end counts.
  absl::Status AddDay(const LiveAccountId& account, const DayOfUse& day, v1::AccountDailyUsage& usage) {
    double total = day.total;
    if (day.day == last_day_) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<double> part,
                                 transaction_.SumUse(account.no, metric_, StartOfDay(day.day), end_));
      if (!part.has_value()) return absl::OkStatus();
      total = *part;
    }
    usage.add_days(static_cast<std::int32_t>(day.day));
    usage.add_values(total);
    return absl::OkStatus();
  }

  absl::Status Add(v1::AccountDailyUsage usage) {
    bytes_ += usage.account().size() + static_cast<std::size_t>(usage.days_size()) * kBytesADay;
    *message_.add_accounts() = std::move(usage);
    return bytes_ < DailyUsageExport::kMessageBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Flush() {
    bytes_ = 0;
    return send_(std::exchange(message_, v1::ExportDailyUsageResponse()));
  }

  ReadTransaction& transaction_;
  const std::int64_t metric_;
  const absl::Time end_;
  const std::int64_t last_day_;
  const DailyUsageExport::Send& send_;
  v1::ExportDailyUsageResponse message_;
  std::size_t bytes_ = 0;
};

}  // namespace

absl::Status DailyUsageExport::Run(const Send& send) const {
  return store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
    const auto metric = std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.name == metric_; });
    // One whose every event was deleted begins at the end of time.
    if (metric == metrics.end() || metric->first_time == absl::FromUnixMicros(INT64_MAX)) {
      return WithReason(absl::NotFoundError(absl::StrCat("no account has the metric ", metric_)), "METRIC_NOT_FOUND");
    }
    return Exporter(transaction, metric->no, end_, send).All();
  });
}

absl::StatusOr<DailyUsageExport> Records::ExportDailyUsage(const v1::ExportDailyUsageRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  bad.AddIfError("metric", CheckKey(request.metric()));
  CheckTime("end_time", request.has_end_time(), request.end_time(), false, absl::InfiniteFuture(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  // What lies ahead has not been used yet.
  const absl::Time latest = now + absl::Microseconds(1);
  return DailyUsageExport(store_, request.metric(),
                          request.has_end_time() ? std::min(ToTime(request.end_time()), latest) : latest);
}

}  // namespace perennial::accounts
