#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "segment-svc/report/audience_report.h"

namespace perennial::segments {
namespace {

// Most metrics that a report names.
constexpr std::size_t kMostMetrics = 100;

using Rows = std::vector<facts::RowId>;

struct Metric {
  std::string name;
  std::int64_t users = 0;
};

// Metrics that somebody of `rows` used within 30 days, most accounts first.
std::vector<Metric> UsedMetrics(RunStep run, const Rows& rows) {
  std::vector<Metric> metrics;
  run([&](AudienceReport& report) {
    const facts::FactCatalogue& catalogue = report.accounts().facts().catalogue();
    for (facts::FactId fact = 0; fact < catalogue.size(); ++fact) {
      absl::string_view name = catalogue.Get(fact).name;
      if (absl::ConsumePrefix(&name, "usage.") && absl::ConsumeSuffix(&name, ".sum_30d")) {
        metrics.push_back({std::string(name), 0});
      }
    }
  });
  for (Metric& metric : metrics) {
    run([&](AudienceReport& report) {
      const NumberFact sum(report.accounts().facts(), absl::StrCat("usage.", metric.name, ".sum_30d"));
      metric.users = std::count_if(rows.begin(), rows.end(), [&](facts::RowId row) { return sum.Or(row, 0) > 0; });
    });
  }
  std::erase_if(metrics, [](const Metric& metric) { return metric.users == 0; });
  std::sort(metrics.begin(), metrics.end(),
            [](const Metric& a, const Metric& b) { return std::pair(-a.users, a.name) < std::pair(-b.users, b.name); });
  metrics.resize(std::min(metrics.size(), kMostMetrics));
  return metrics;
}

void AddMetric(AudienceReport& report, const std::string& metric, const Rows& live, v1::ReportTable* table) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact sum(accounts.facts(), absl::StrCat("usage.", metric, ".sum_30d"));
  const NumberFact change(accounts.facts(), absl::StrCat("usage.", metric, ".change_30d"));
  Share share;
  Mean adoption, users, others, growing;
  Correlation correlation;
  for (const facts::RowId row : live) {
    const auto used = sum[row];
    if (!used.has_value()) continue;
    adoption.Add(*used > 0 ? 1 : 0);
    correlation.Add(std::log1p(std::max(*used, 0.0)), accounts.Score(row));
    (*used > 0 ? users : others).Add(accounts.Score(row));
    if (*used <= 0) continue;
    accounts.Count(row, share);
    if (const auto more = change[row]) growing.Add(*more > 0 ? 1 : 0);
  }
  report.AddRow(table, metric, metric, share,
                {adoption.value(), users.value(), others.value(), correlation.value(), growing.value()});
}

void AddMetrics(RunStep run) {
  Rows live;
  v1::ReportTable* table = nullptr;
  run([&](AudienceReport& report) {
    live = report.Live();
    table = report.Table({"product.metrics", "Health by usage metric",
                          "Live accounts that used the metric within 30 days, most first, at most 100 "
                          "metrics: their share of the accounts that "
                          "report use, mean score of those that use it and of those that do not, "
                          "correlation of the score with the logarithm of "
                          "use, and the share of users whose use grew against the 30 days before."},
                         {{"adoption", "ratio"},
                          {"score with", "points"},
                          {"without", "points"},
                          {"corr.", "correlation"},
                          {"growing", "ratio"}});
  });
  for (const Metric& metric : UsedMetrics(run, live)) {
    run([&](AudienceReport& report) { AddMetric(report, metric.name, live, table); });
  }
}

// Rows of a table by where a fact of the account lies.
struct Level {
  const char* key;
  const char* name;
  double most;  // inclusive; the last has no bound
};

template <std::size_t kCount>
const Level& LevelOf(const std::array<Level, kCount>& levels, double value) {
  return *std::find_if(levels.begin(), levels.end() - 1, [&](const Level& level) { return value <= level.most; });
}

// Mean score, CSAT and breadth of use of accounts by where `fact` lies.
template <std::size_t kCount>
void AddLevels(AudienceReport& report, v1::ReportTable* table, const Rows& live, const NumberFact& fact,
               const std::array<Level, kCount>& levels) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact breadth(accounts.facts(), "usage.breadth_30d");
  const NumberFact csat(accounts.facts(), "csat.avg_90d");
  const NumberFact answers(accounts.facts(), "csat.count_90d");
  struct Sum {
    Share share;
    Mean score, breadth, csat;
  };
  std::array<Sum, kCount> sums;
  for (const facts::RowId row : live) {
    const auto value = fact[row];
    if (!value.has_value()) continue;
    Sum& sum = sums[static_cast<std::size_t>(&LevelOf(levels, *value) - levels.data())];
    accounts.Count(row, sum.share);
    sum.score.Add(accounts.Score(row));
    sum.breadth.Add(breadth[row]);
    sum.csat.Add(csat[row], answers.Or(row, 1));
  }
  for (std::size_t i = 0; i < kCount; ++i) {
    report.AddRow(table, levels[i].key, levels[i].name, sums[i].share,
                  {sums[i].score.value(), sums[i].breadth.value(), sums[i].csat.value()});
  }
}

constexpr std::array<Level, 5> kBreadths = {{{"none", "no use", 0},
                                             {"25", "up to 25 %", 0.25},
                                             {"50", "up to 50 %", 0.5},
                                             {"75", "up to 75 %", 0.75},
                                             {"100", "over 75 %", 1}}};
constexpr std::array<Level, 4> kTickets = {
    {{"0", "no ticket", 0}, {"1", "1 ticket", 1}, {"4", "2 to 4 tickets", 4}, {"more", "5 tickets or more", 1e9}}};

void AddFigures(AudienceReport& report, const Rows& live) {
  const AccountFacts& facts = report.accounts().facts();
  const NumberFact breadth(facts, "usage.breadth_30d");
  const NumberFact seats(facts, "usage.seat_utilisation_30d");
  const NumberFact change(facts, "usage.change_30d");
  const NumberFact first_value(facts, "onboarding.first_value_days");
  Mean active, mean_breadth, mean_seats, falling, days;
  Correlation correlation;
  for (const facts::RowId row : live) {
    mean_breadth.Add(breadth[row]);
    if (const auto used = breadth[row]) active.Add(*used > 0 ? 1 : 0);
    if (const auto use = change[row]) falling.Add(*use < 0 ? 1 : 0);
    mean_seats.Add(seats[row]);
    days.Add(first_value[row]);
    correlation.Add(breadth[row], report.accounts().Score(row));
  }
  report.Figure(
      {"product.active", "Active", "Live accounts with any use within 30 days, as a share of those that report use."},
      "ratio", active);
  report.Figure({"product.breadth", "Adoption breadth",
                 "Mean share of all known metrics that a live account used within 30 days, of those that report use."},
                "ratio", mean_breadth);
  report.Figure({"product.breadth_correlation", "Breadth and score",
                 "Correlation of that share with the score, of live accounts for which both are known."},
                "correlation", correlation.value(), correlation.known());
  report.Figure({"product.seat_utilisation", "Seats used",
                 "Mean share of licensed seats that were used within 30 days, of live accounts for which it is known."},
                "ratio", mean_seats);
  report.Figure(
      {"product.falling", "Use falling",
       "Live accounts that used less within 30 days than in the 30 days before, as a share of those that can be "
       "compared."},
      "ratio", falling);
  report.Figure({"product.first_value_days", "Time to first value",
                 "Mean days from the start of a live account to its first value, of those that have reached it."},
                "days", days);
}

void AddLists(AudienceReport& report, const Rows& live) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact breadth(accounts.facts(), "usage.breadth_30d");
  const NumberFact change(accounts.facts(), "usage.change_30d");
  Rows narrow, falling;
  for (const facts::RowId row : live) {
    if (!accounts.Pays(row)) continue;
    if (breadth.Or(row, 1) <= 0.25) narrow.push_back(row);
    if (change.Or(row, 0) <= -0.3) falling.push_back(row);
  }
  report.List(
      {"product.narrow", "Paying, with little use",
       "Live accounts that pay and used at most a quarter of all metrics within 30 days, least first, then by MRR, "
       "highest first."},
      std::move(narrow), [&](facts::RowId a, facts::RowId b) {
        if (*breadth[a] != *breadth[b]) return *breadth[a] < *breadth[b];
        return accounts.WeighsMore(a, b);
      });
  report.List(
      {"product.falling", "Paying, with falling use",
       "Live accounts that pay and used at least 30 % less within 30 days than in the 30 days before, by MRR, highest "
       "first."},
      std::move(falling));
}

}  // namespace

void AddProductParts(RunStep run) {
  run([](AudienceReport& report) { AddFigures(report, report.Live()); });
  AddMetrics(run);
  run([](AudienceReport& report) {
    AddLevels(report,
              report.Table(
                  {"product.breadth", "Health by adoption breadth",
                   "Live accounts that report use, by the share of all known metrics that they used within 30 days: mean "
                   "score, mean of that share, and mean of all CSAT answers of 90 days."},
                  {{"score", "points"}, {"breadth", "ratio"}, {"CSAT", "points"}}),
              report.Live(), NumberFact(report.accounts().facts(), "usage.breadth_30d"), kBreadths);
  });
  run([](AudienceReport& report) {
    AddLevels(
        report,
        report.Table(
            {"product.tickets", "Issues and use",
             "Live accounts by how many tickets they opened within 90 days: mean score, mean share of all known "
             "metrics used within 30 days, and mean of all CSAT answers of 90 days. What the tickets are about is no "
             "fact: see ListRecurringIssues."},
            {{"score", "points"}, {"breadth", "ratio"}, {"CSAT", "points"}}),
        report.Live(), NumberFact(report.accounts().facts(), "support.opened_90d"), kTickets);
  });
  run([](AudienceReport& report) { AddLists(report, report.Live()); });
}

}  // namespace perennial::segments
