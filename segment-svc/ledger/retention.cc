#include "segment-svc/ledger/retention.h"

#include <algorithm>
#include <iterator>

namespace perennial::segments {
namespace {

bool Before(const MrrStep& step, std::int64_t time) { return step.time < time; }

// A total and a count at each of some moments in a row, kept as what changes from one to the next: adding what holds
// from a moment on is one step, however many follow.
class Levels {
 public:
  explicit Levels(std::size_t moments) : amounts_(moments), counts_(moments) {}
  // From the moment on, `to` is paid instead of `from`.
  void Change(std::size_t moment, Micros from, Micros to) {
    amounts_[moment].AddMicros(to);
    amounts_[moment].AddMicros(-from);
    counts_[moment] += (to > 0) - (from > 0);
  }
  // Turns changes into levels.
  void Finish() {
    for (std::size_t i = 1; i < amounts_.size(); ++i) {
      amounts_[i] = amounts_[i] + amounts_[i - 1];
      counts_[i] += counts_[i - 1];
    }
  }
  std::vector<MoneyTotal>& amounts() { return amounts_; }
  std::vector<std::int64_t>& counts() { return counts_; }

 private:
  std::vector<MoneyTotal> amounts_;
  std::vector<std::int64_t> counts_;
};

// Adds accounts up, one after the other.
class RetentionSum {
 public:
  RetentionSum(absl::Span<const std::int64_t> bounds, bool cohorts) : bounds_(bounds), levels_(bounds.size()) {
    result_.periods.resize(bounds.size() - 1);
    if (!cohorts) return;
    // A cohort is looked at at the end of its own period and of those that follow.
    for (std::size_t period = 0; period + 1 < bounds.size(); ++period) {
      cohort_levels_.emplace_back(bounds.size() - 1 - period);
    }
    result_.cohorts.resize(result_.periods.size());
  }

  void Add(absl::Span<const MrrStep> steps) {
    const StepsWithin within = Within(steps, bounds_.front(), bounds_.back());
    Micros mrr = within.before;
    levels_.Change(0, 0, mrr);
    const auto pays = [](const MrrStep& step) { return step.mrr > 0; };
    bool has_paid = mrr > 0 || std::any_of(steps.begin(), steps.begin() + (within.steps.data() - steps.data()), pays);
    std::optional<std::size_t> cohort;
    std::size_t period = 0;
    for (auto step = within.steps.begin(); step != within.steps.end();) {
      period = static_cast<std::size_t>(
          std::distance(bounds_.begin(), std::upper_bound(bounds_.begin() + static_cast<std::ptrdiff_t>(period),
                                                          bounds_.end(), step->time)) -
          1);
      auto last = step;
      while (last != within.steps.end() && last->time < bounds_[period + 1]) ++last;
      const auto in_period = within.steps.subspan(static_cast<std::size_t>(step - within.steps.begin()),
                                                  static_cast<std::size_t>(last - step));
      if (!has_paid && std::any_of(in_period.begin(), in_period.end(), pays)) {
        has_paid = true;
        cohort = period;
        if (!cohort_levels_.empty()) ++result_.cohorts[period].accounts;
      }
      const AccountPeriod account = WalkPeriod(mrr, in_period);
      AddPeriod(account, result_.periods[period]);
      levels_.Change(period + 1, account.start, account.end);
      if (cohort.has_value() && !cohort_levels_.empty()) {
        cohort_levels_[*cohort].Change(period - *cohort, account.start, account.end);
      }
      mrr = account.end;
      step = last;
    }
  }

  Retention Finish() {
    levels_.Finish();
    for (std::size_t i = 0; i < result_.periods.size(); ++i) {
      RetentionTotals& period = result_.periods[i];
      period.revenue.start = levels_.amounts()[i];
      period.revenue.start_accounts = levels_.counts()[i];
      // What has been added is what was lost.
      period.revenue.retained = period.revenue.start - period.revenue.retained;
      period.end = levels_.amounts()[i + 1];
      period.end_accounts = levels_.counts()[i + 1];
    }
    for (std::size_t i = 0; i < cohort_levels_.size(); ++i) {
      cohort_levels_[i].Finish();
      result_.cohorts[i].mrr = std::move(cohort_levels_[i].amounts());
      result_.cohorts[i].paying = std::move(cohort_levels_[i].counts());
    }
    return std::move(result_);
  }

 private:
  static void AddPeriod(const AccountPeriod& account, RetentionTotals& period) {
    if (account.start == 0) {
      period.revenue.won.AddMicros(account.end);
      period.won_accounts += account.end > 0;
      return;
    }
    RevenueTotals& revenue = period.revenue;
    revenue.expansion = revenue.expansion + account.expansion;
    revenue.contraction = revenue.contraction + account.contraction;
    revenue.churned = revenue.churned + account.churned;
    revenue.reactivated = revenue.reactivated + account.reactivated;
    revenue.lost_accounts += account.end == 0;
    revenue.retained.AddMicros(account.start);
    revenue.retained = revenue.retained - account.Retained();
  }

  const absl::Span<const std::int64_t> bounds_;
  Levels levels_;
  std::vector<Levels> cohort_levels_;
  Retention result_;
};

}  // namespace

MoneyTotal AccountPeriod::Retained() const {
  const MoneyTotal paid = MoneyTotal::OfMicros(start);
  return std::clamp(paid - contraction - churned, MoneyTotal(), paid);
}

AccountPeriod WalkPeriod(Micros start, absl::Span<const MrrStep> steps) {
  AccountPeriod period{.start = start, .end = start};
  for (const MrrStep& step : steps) {
    const Micros change = step.mrr - period.end;
    if (period.end == 0) {
      period.reactivated.AddMicros(change);
    } else if (step.mrr == 0) {
      period.churned.AddMicros(-change);
    } else if (change > 0) {
      period.expansion.AddMicros(change);
    } else {
      period.contraction.AddMicros(-change);
    }
    period.end = step.mrr;
  }
  return period;
}

StepsWithin Within(absl::Span<const MrrStep> steps, std::int64_t from, std::int64_t to) {
  const auto first = std::lower_bound(steps.begin(), steps.end(), from, Before);
  const auto last = std::lower_bound(first, steps.end(), to, Before);
  StepsWithin within;
  if (first != steps.begin()) within.before = (first - 1)->mrr;
  within.steps = steps.subspan(static_cast<std::size_t>(first - steps.begin()), static_cast<std::size_t>(last - first));
  return within;
}

Retention ComputeRetention(const RevenueLedger& ledger, const facts::Bitmap& rows,
                           absl::Span<const std::int64_t> bounds, bool cohorts) {
  RetentionSum sum(bounds, cohorts);
  rows.ForEach([&](facts::RowId row) {
    const absl::Span<const MrrStep> steps = ledger.StepsOf(row);
    if (!steps.empty()) sum.Add(steps);
  });
  return sum.Finish();
}

MoneyTotal RevenueBetween(const RevenueLedger& ledger, const facts::Bitmap& rows, std::int64_t from, std::int64_t to) {
  constexpr std::int64_t kMonth = std::int64_t{365} * 24 * 3600 * 1'000'000 / 12;
  MoneyTotal::Wide paid = 0;  // millionths times microseconds
  rows.ForEach([&](facts::RowId row) {
    const StepsWithin within = Within(ledger.StepsOf(row), from, to);
    Micros mrr = within.before;
    std::int64_t since = from;
    for (const MrrStep& step : within.steps) {
      paid += static_cast<MoneyTotal::Wide>(mrr) * (step.time - since);
      mrr = step.mrr;
      since = step.time;
    }
    paid += static_cast<MoneyTotal::Wide>(mrr) * (to - since);
  });
  return MoneyTotal::OfMicros((paid + kMonth / 2) / kMonth);
}

}  // namespace perennial::segments
