// Revenue retention from the ledger: worked out by hand, and against a plain reference over random ledgers.

#include "segment-svc/ledger/retention.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "segment-svc/ledger/periods.h"
#include "tests/segments/movements_feed.h"

namespace perennial::segments {
namespace {

using testing::At;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Micros kUnit = kMicrosPerUnit;

std::string Text(const MoneyTotal& total) { return FormatAmount(total.micros()); }

// Accounts in rows 0, 1, 2 ... of a ledger.
class LedgerOf {
 public:
  explicit LedgerOf(const std::vector<std::vector<std::pair<std::string, double>>>& accounts) : rows_(accounts.size()) {
    for (std::size_t row = 0; row < accounts.size(); ++row) {
      std::vector<MrrStep> steps;
      for (const auto& [time, mrr] : accounts[row]) steps.push_back({StepTime(At(time)), MicrosOfNumber(mrr)});
      ledger_.Replace(static_cast<facts::RowId>(row), steps);
      rows_.Set(row);
    }
  }
  [[nodiscard]] Retention Over(const std::vector<std::string>& bounds, bool cohorts = false) const {
    std::vector<std::int64_t> times;
    for (const std::string& bound : bounds) times.push_back(StepTime(At(bound)));
    return ComputeRetention(ledger_, rows_, times, cohorts);
  }
  [[nodiscard]] MoneyTotal Revenue(const std::string& from, const std::string& to) const {
    return RevenueBetween(ledger_, rows_, StepTime(At(from)), StepTime(At(to)));
  }

 private:
  RevenueLedger ledger_;
  facts::Bitmap rows_;
};

// Start 1,000k, churned 25k, contraction 25k, expansion 150k.
TEST(RetentionTest, GivesTheWorkedExampleItsRetention) {
  const LedgerOf ledger({{{"2023-05-01", 25'000}, {"2024-06-01", 0}},
                         {{"2023-05-01", 100'000}, {"2024-02-01", 75'000}},
                         {{"2022-05-01", 400'000}, {"2024-07-01T12:00:00Z", 550'000}},
                         {{"2023-12-31", 475'000}},
                         {{"2024-03-01", 9'000}}});
  const Retention year = ledger.Over({"2024-01-01", "2025-01-01"});
  ASSERT_EQ(year.periods.size(), 1U);
  const RetentionTotals& totals = year.periods[0];
  EXPECT_EQ(totals.revenue.NetRetention(), 1.10);
  EXPECT_EQ(totals.revenue.GrossRetention(), 0.95);
  EXPECT_EQ(totals.revenue.LogoChurn(), 0.25);
  EXPECT_EQ(totals.revenue.ExpansionRate(), 0.15);
  EXPECT_EQ(Text(totals.revenue.start), "1000000");
  EXPECT_EQ(Text(totals.revenue.won), "9000");
  EXPECT_EQ(Text(totals.revenue.expansion), "150000");
  EXPECT_EQ(Text(totals.revenue.contraction), "25000");
  EXPECT_EQ(Text(totals.revenue.churned), "25000");
  EXPECT_EQ(Text(totals.end), "1109000");
  EXPECT_EQ(totals.won_accounts, 1);
  EXPECT_EQ(totals.end_accounts, 4);
}

TEST(RetentionTest, CountsAMovementInThePeriodThatHoldsItsMoment) {
  const LedgerOf ledger({{{"2024-01-01", 10}, {"2024-04-01", 30}, {"2024-06-30T23:59:59.999999Z", 20}}});
  const Retention quarters = ledger.Over({"2024-01-01", "2024-04-01", "2024-07-01"});
  // What begins with a period was not there at its start.
  EXPECT_EQ(Text(quarters.periods[0].revenue.start), "0");
  EXPECT_EQ(Text(quarters.periods[0].revenue.won), "10");
  EXPECT_EQ(Text(quarters.periods[1].revenue.start), "10");
  EXPECT_EQ(Text(quarters.periods[1].revenue.expansion), "20");
  EXPECT_EQ(Text(quarters.periods[1].revenue.contraction), "10");
}

TEST(RetentionTest, LimitsGrossRetentionAccountByAccount) {
  // One grows and shrinks by more than it began with, one leaves and returns, one stays.
  const LedgerOf ledger({{{"2023-01-01", 100}, {"2024-02-01", 400}, {"2024-03-01", 150}},
                         {{"2023-01-01", 300}, {"2024-02-01", 0}, {"2024-03-01", 300}},
                         {{"2023-01-01", 600}}});
  const RevenueTotals year = ledger.Over({"2024-01-01", "2025-01-01"}).periods[0].revenue;
  EXPECT_EQ(year.GrossRetention(), 0.6);
  EXPECT_EQ(year.NetRetention(), 1.05);
  EXPECT_EQ(Text(year.reactivated), "300");
  EXPECT_EQ(year.LogoChurn(), 0);
}

TEST(RetentionTest, WinsWhatAnAccountThatDidNotPayPaysAtTheEnd) {
  // Back after years, won and grown, and won and lost again.
  const LedgerOf ledger({{{"2020-01-01", 50}, {"2021-01-01", 0}, {"2024-05-01", 70}},
                         {{"2024-02-01", 10}, {"2024-08-01", 40}},
                         {{"2024-02-01", 500}, {"2024-03-01", 0}}});
  const RetentionTotals year = ledger.Over({"2024-01-01", "2025-01-01"}).periods[0];
  EXPECT_EQ(Text(year.revenue.won), "110");
  EXPECT_EQ(year.won_accounts, 2);
  EXPECT_EQ(Text(year.end), "110");
  EXPECT_EQ(Text(year.revenue.churned), "0");
  EXPECT_EQ(year.revenue.lost_accounts, 0);
  EXPECT_EQ(year.revenue.NetRetention(), std::nullopt);
}

TEST(RetentionTest, FollowsTheCohortsOfWhoFirstPaid) {
  const LedgerOf ledger({{{"2024-01-10", 100}, {"2024-02-05", 150}},
                         {{"2024-01-20", 100}, {"2024-03-05", 0}},
                         {{"2024-02-10", 30}, {"2024-02-20", 0}, {"2024-03-20", 60}},
                         {{"2023-01-01", 999}, {"2024-01-05", 0}, {"2024-02-01", 999}}});
  const Retention months = ledger.Over({"2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"}, true);
  ASSERT_EQ(months.cohorts.size(), 3U);
  const auto amounts = [](const CohortTotals& cohort) {
    std::vector<std::string> texts;
    for (const MoneyTotal& mrr : cohort.mrr) texts.push_back(Text(mrr));
    return texts;
  };
  EXPECT_EQ(months.cohorts[0].accounts, 2);
  EXPECT_THAT(amounts(months.cohorts[0]), ElementsAre("200", "250", "150"));
  EXPECT_THAT(months.cohorts[0].paying, ElementsAre(2, 2, 1));
  EXPECT_EQ(months.cohorts[1].accounts, 1);
  EXPECT_THAT(amounts(months.cohorts[1]), ElementsAre("0", "60"));
  EXPECT_THAT(months.cohorts[1].paying, ElementsAre(0, 1));
  EXPECT_EQ(months.cohorts[2].accounts, 0);
  EXPECT_THAT(ledger.Over({"2024-01-01", "2024-02-01"}).cohorts, IsEmpty());
}

TEST(RetentionTest, SpreadsRevenueOverTime) {
  // A month is a twelfth of 365 days: a year at 100 is 1,200.
  EXPECT_EQ(Text(LedgerOf({{{"2020-01-01", 100}}}).Revenue("2023-01-01", "2024-01-01")), "1200");
  EXPECT_EQ(Text(LedgerOf({{{"2023-03-15", 365}, {"2023-03-16", 0}}}).Revenue("2023-01-01", "2024-01-01")), "12");
  EXPECT_EQ(Text(LedgerOf({{{"2024-01-01", 100}}}).Revenue("2023-01-01", "2024-01-01")), "0");
}

TEST(RetentionTest, DoesNotOverflowWhereAmountsAreExtreme) {
  std::vector<std::vector<std::pair<std::string, double>>> accounts;
  for (int i = 0; i < 50; ++i) {
    accounts.push_back(
        {{"2020-01-01", 9e11}, {"2024-02-01", 0}, {"2024-03-01", 9e11}, {"2024-04-01", 0}, {"2024-05-01", 9e11}});
  }
  const RevenueTotals year = LedgerOf(accounts).Over({"2024-01-01", "2025-01-01"}).periods[0].revenue;
  EXPECT_EQ(year.NetRetention(), 1);
  EXPECT_EQ(year.GrossRetention(), 0);
}

// What an account does, as accounts-svc tells it.
struct Movement {
  std::int64_t time = 0;
  char kind = 'n';  // n(ew), e(xpansion), c(ontraction), x (churn), r(eactivation)
  Micros amount = 0;
};

// The definitions of docs/metrics.md word by word: slow, and in other terms than the code under test.
struct Reference {
  std::vector<std::vector<Movement>> accounts;

  [[nodiscard]] static Micros MrrBefore(const std::vector<Movement>& movements, std::int64_t time) {
    Micros mrr = 0;
    for (const Movement& movement : movements) {
      if (movement.time < time) mrr += movement.amount;
    }
    return mrr;
  }
  [[nodiscard]] static Micros SumOf(const std::vector<Movement>& movements, char kind, std::int64_t from,
                                    std::int64_t to) {
    Micros sum = 0;
    for (const Movement& movement : movements) {
      if (movement.kind == kind && movement.time >= from && movement.time < to) sum += std::abs(movement.amount);
    }
    return sum;
  }
  [[nodiscard]] std::map<std::string, Micros> Period(std::int64_t from, std::int64_t to) const {
    std::map<std::string, Micros> sums;
    for (const auto& movements : accounts) {
      const Micros start = MrrBefore(movements, from);
      const Micros end = MrrBefore(movements, to);
      sums["end"] += end;
      sums["end_accounts"] += end > 0;
      if (start == 0) {
        sums["won"] += end;
        sums["won_accounts"] += end > 0;
        continue;
      }
      const Micros contraction = SumOf(movements, 'c', from, to);
      const Micros churned = SumOf(movements, 'x', from, to);
      sums["start"] += start;
      sums["start_accounts"] += 1;
      sums["lost_accounts"] += end == 0;
      sums["expansion"] += SumOf(movements, 'e', from, to);
      sums["contraction"] += contraction;
      sums["churned"] += churned;
      sums["reactivated"] += SumOf(movements, 'r', from, to);
      sums["retained"] += std::max<Micros>(0, std::min(start, start - contraction - churned));
    }
    return sums;
  }
};

std::map<std::string, Micros> AsMap(const RetentionTotals& totals) {
  const RevenueTotals& revenue = totals.revenue;
  return {{"start", revenue.start.micros()},          {"won", revenue.won.micros()},
          {"expansion", revenue.expansion.micros()},  {"contraction", revenue.contraction.micros()},
          {"churned", revenue.churned.micros()},      {"reactivated", revenue.reactivated.micros()},
          {"retained", revenue.retained.micros()},    {"end", totals.end.micros()},
          {"start_accounts", revenue.start_accounts}, {"lost_accounts", revenue.lost_accounts},
          {"won_accounts", totals.won_accounts},      {"end_accounts", totals.end_accounts}};
}

// An account of few amounts and few moments, so that bounds, equal moments and returns to nothing are met often.
std::vector<Movement> RandomMovements(std::minstd_rand& random, std::int64_t last) {
  std::vector<std::int64_t> times;
  for (std::size_t i = random() % 7; i > 0; --i)
    times.push_back(static_cast<std::int64_t>(random() % static_cast<unsigned>(last)));
  std::sort(times.begin(), times.end());
  std::vector<Movement> movements;
  Micros mrr = 0;
  bool paid = false;
  for (const std::int64_t time : times) {
    const Micros next = static_cast<Micros>(random() % 4) * (kUnit / 4) + (mrr == 0 ? 1 : 0);
    if (next == mrr || (mrr == 0 && next == 0)) continue;
    const char kind = mrr == 0 ? (paid ? 'r' : 'n') : next == 0 ? 'x' : next > mrr ? 'e' : 'c';
    movements.push_back({time, kind, next - mrr});
    mrr = next;
    paid = true;
  }
  return movements;
}

TEST(RetentionTest, EqualsAPlainReferenceOverRandomLedgers) {
  std::minstd_rand random(20241231);
  constexpr std::int64_t kLast = 60;
  for (int round = 0; round < 300; ++round) {
    Reference reference;
    RevenueLedger ledger;
    facts::Bitmap rows(40);
    for (facts::RowId row = 0; row < 40; ++row) {
      const std::vector<Movement> movements = RandomMovements(random, kLast);
      std::vector<MrrStep> steps;
      for (const Movement& movement : movements) {
        steps.push_back({movement.time, movement.amount + (steps.empty() ? 0 : steps.back().mrr)});
      }
      // Written twice, so that runs grow, shrink and move.
      ledger.Replace(row, absl::MakeSpan(steps).subspan(0, steps.size() / 2));
      ledger.Replace(row, steps);
      if (random() % 4 == 0) continue;
      rows.Set(row);
      reference.accounts.push_back(movements);
    }
    if (round % 2 == 0) ledger.Compact();
    std::vector<std::int64_t> bounds = {static_cast<std::int64_t>(random() % 20)};
    for (std::size_t i = 1 + random() % 6; i > 0; --i)
      bounds.push_back(bounds.back() + 1 + static_cast<std::int64_t>(random() % 12));
    const Retention retention = ComputeRetention(ledger, rows, bounds, true);
    ASSERT_EQ(retention.periods.size(), bounds.size() - 1);
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
      auto expected = reference.Period(bounds[i], bounds[i + 1]);
      for (const char* name : {"start", "won", "expansion", "contraction", "churned", "reactivated", "retained", "end",
                               "start_accounts", "lost_accounts", "won_accounts", "end_accounts"}) {
        expected.try_emplace(name, 0);
      }
      ASSERT_EQ(AsMap(retention.periods[i]), expected) << "round " << round << ", period " << i;
      // What the answer promises of itself.
      const auto& sums = expected;
      ASSERT_EQ(sums.at("end"), sums.at("start") + sums.at("won") + sums.at("expansion") - sums.at("contraction") -
                                    sums.at("churned") + sums.at("reactivated"));
    }
    for (std::size_t cohort = 0; cohort + 1 < bounds.size(); ++cohort) {
      std::vector<std::vector<Movement>> members;
      for (const auto& movements : reference.accounts) {
        const bool first =
            !movements.empty() && movements[0].time >= bounds[cohort] && movements[0].time < bounds[cohort + 1];
        if (first) members.push_back(movements);
      }
      ASSERT_EQ(retention.cohorts[cohort].accounts, static_cast<std::int64_t>(members.size()));
      for (std::size_t period = cohort; period + 1 < bounds.size(); ++period) {
        Micros mrr = 0;
        std::int64_t paying = 0;
        for (const auto& movements : members) {
          mrr += Reference::MrrBefore(movements, bounds[period + 1]);
          paying += Reference::MrrBefore(movements, bounds[period + 1]) > 0;
        }
        ASSERT_EQ(retention.cohorts[cohort].mrr[period - cohort].micros(), mrr) << round;
        ASSERT_EQ(retention.cohorts[cohort].paying[period - cohort], paying) << round;
      }
    }
  }
}

TEST(PeriodsTest, FollowTheCalendar) {
  const absl::Time now = At("2024-08-15T10:00:00Z");
  const Periods quarters = PeriodsFrom(v1::RETENTION_PERIOD_QUARTER, At("2024-02-29"), now, now);
  EXPECT_THAT(quarters.bounds, ElementsAre(At("2024-01-01"), At("2024-04-01"), At("2024-07-01"), At("2024-10-01")));
  EXPECT_TRUE(quarters.unfinished);
  EXPECT_EQ(quarters.StepBounds(now).back(), StepTime(now) + 1);
  const Periods months = PeriodsFrom(v1::RETENTION_PERIOD_UNSPECIFIED, At("2023-12-31"), At("2024-02-01"), now);
  EXPECT_THAT(months.bounds, ElementsAre(At("2023-12-01"), At("2024-01-01"), At("2024-02-01")));
  EXPECT_FALSE(months.unfinished);
  const Periods years = PeriodsFrom(v1::RETENTION_PERIOD_YEAR, At("2023-05-05"), At("2030-01-01"), now);
  EXPECT_THAT(years.bounds, ElementsAre(At("2023-01-01"), At("2024-01-01"), At("2025-01-01")));
}

TEST(PeriodsTest, HoldAtLeastTheOneOfTheStart) {
  const absl::Time now = At("2024-07-01");
  const Periods month = PeriodsFrom(v1::RETENTION_PERIOD_MONTH, now, now, now);
  EXPECT_THAT(month.bounds, ElementsAre(At("2024-07-01"), At("2024-08-01")));
  EXPECT_TRUE(month.unfinished);
}

TEST(PeriodsTest, StopAfterOneTooMany) {
  EXPECT_EQ(PeriodsFrom(v1::RETENTION_PERIOD_MONTH, At("0001-01-01"), At("2024-01-01"), At("2024-01-01")).count(),
            kMostPeriods + 1);
}

TEST(RevenueLedgerTest, TakesLittleMemoryHoweverOftenAccountsChange) {
  RevenueLedger ledger;
  std::vector<MrrStep> steps;
  for (int round = 0; round < 40; ++round) {
    steps.push_back({round, kUnit * (round + 1)});
    for (facts::RowId row = 0; row < 2000; ++row) ledger.Replace(row, steps);
  }
  EXPECT_EQ(ledger.step_count(), 2000U * 40);
  EXPECT_LE(ledger.capacity(), 2000U * 40 * 5);
  EXPECT_THAT(ledger.StepsOf(1999), ::testing::ElementsAreArray(steps));
  ledger.Compact();
  EXPECT_LE(ledger.capacity(), 2000U * 40 * 5 / 4);
  EXPECT_THAT(ledger.StepsOf(1999), ::testing::ElementsAreArray(steps));
  EXPECT_THAT(ledger.StepsOf(5000), IsEmpty());
  ledger.Replace(3, {});
  EXPECT_THAT(ledger.StepsOf(3), IsEmpty());
  ledger.Clear();
  EXPECT_THAT(ledger.StepsOf(0), IsEmpty());
}

}  // namespace
}  // namespace perennial::segments
