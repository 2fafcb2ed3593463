#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "segment-svc/report/audience_report.h"
#include "segment-svc/report/plan_table.h"
#include "segment-svc/revenue_window.h"

namespace perennial::segments {
namespace {

using Rows = std::vector<facts::RowId>;

// As of the shipped segment "expansion-candidates".
constexpr double kSeatsFull = 0.8;
constexpr double kUseGrown = 0.25;
constexpr int kNearDays = 90;
constexpr int kMonthDays = 30;

// Accounts that sales may grow: rule and reason stand in the list's definition.
class Expansion {
 public:
  explicit Expansion(const ReportAccounts& accounts)
      : accounts_(accounts),
        evaluated_(accounts.facts(), "flags.open"),
        seats_(accounts.facts(), "usage.seat_utilisation_30d"),
        change_(accounts.facts(), "usage.change_30d"),
        highest_(accounts.Bands().back()) {
    const HealthFacts& health = accounts.facts().health();
    for (const auto& [rule, fact] : health.rules()) {
      if (health.opportunities().contains(rule)) flags_.push_back(fact);
    }
  }
  // Whether what it rests on is known.
  [[nodiscard]] bool IsKnown(facts::RowId row) const { return evaluated_[row].has_value(); }
  [[nodiscard]] bool IsCandidate(facts::RowId row) const {
    const facts::FactTable& table = accounts_.facts().table();
    const auto raised = [&](facts::FactId flag) { return table.Number(row, flag).value_or(0) != 0; };
    if (std::any_of(flags_.begin(), flags_.end(), raised)) return true;
    const bool grows = seats_.Or(row, 0) >= kSeatsFull || change_.Or(row, 0) >= kUseGrown;
    return grows && accounts_.Score(row).has_value() && accounts_.Band(row) == highest_;
  }

 private:
  const ReportAccounts& accounts_;
  const NumberFact evaluated_, seats_, change_;
  const std::string highest_;
  std::vector<facts::FactId> flags_;  // of opportunities
};

void AddRetained(AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact start(accounts.facts(), "revenue.start_365d");
  const NumberFact clv(accounts.facts(), "value.clv");
  Share retained;
  MoneyTotal worth;
  std::int64_t known = 0, known_worth = 0;
  accounts.rows().ForEach([&](facts::RowId row) {
    if (!start[row].has_value()) return;
    ++known;
    if (*start[row] <= 0 || !accounts.Pays(row)) return;
    accounts.Count(row, retained);
    if (!clv[row].has_value()) return;
    ++known_worth;
    worth.Add(clv[row]);
  });
  report.Figure({"sales.retained_accounts", "Accounts kept", "Accounts that paid 365 days ago and pay now."},
                "accounts", known > 0 ? std::optional(static_cast<double>(retained.accounts)) : std::nullopt, known);
  report.Amount({"sales.retained_mrr", "MRR of accounts kept", "What accounts that paid 365 days ago pay now."},
                known > 0 ? std::optional(retained.mrr) : std::nullopt, known);
  report.Amount({"sales.retained_clv", "CLV of accounts kept",
                 "Sum of the CLV of accounts that paid 365 days ago and pay now, as far as it is known."},
                known_worth > 0 ? std::optional(worth) : std::nullopt, known_worth);
}

void AddExpansion(AudienceReport& report, const Rows& live) {
  const ReportAccounts& accounts = report.accounts();
  const Expansion expansion(accounts);
  Rows candidates;
  Share share;
  std::int64_t known = 0;
  for (const facts::RowId row : live) {
    if (!accounts.Pays(row)) continue;
    known += expansion.IsKnown(row);
    if (!expansion.IsCandidate(row)) continue;
    candidates.push_back(row);
    accounts.Count(row, share);
  }
  const bool any = known > 0 || share.accounts > 0;
  report.Figure({"sales.expansion_candidates", "May be expanded", "Accounts of the list of expansion candidates."},
                "accounts", any ? std::optional(static_cast<double>(share.accounts)) : std::nullopt, known);
  report.Amount({"sales.expansion_candidates_mrr", "MRR of candidates", "What the accounts of that list pay now."},
                any ? std::optional(share.mrr) : std::nullopt, known);
  report.List(
      {"sales.expansion_candidates", "Expansion candidates, flagged ones too",
       "Live accounts that pay and have a raised flag of category OPPORTUNITY, or are in the highest band and within "
       "30 days "
       "used at least 80 % of their seats or at least 25 % more than in the 30 days before; by MRR, highest first."},
      std::move(candidates));
}

void AddRenewals(AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact days(accounts.facts(), "renewal_days");
  const NumberFact automatic(accounts.facts(), "auto_renew");
  const std::string lowest = accounts.Bands().front();
  struct Month {
    Share share;
    Mean score, low, automatic;
  };
  Month months[kNearDays / kMonthDays];
  Rows due;
  Share all, at_risk;
  std::int64_t known = 0;
  accounts.rows().ForEach([&](facts::RowId row) {
    if (!days[row].has_value()) return;
    ++known;
    if (*days[row] < 0 || *days[row] > kNearDays) return;
    due.push_back(row);
    accounts.Count(row, all);
    const bool low = accounts.Score(row).has_value() && accounts.Band(row) == lowest;
    if (low) accounts.Count(row, at_risk);
    Month& month = months[std::max(0, (static_cast<int>(*days[row]) - 1) / kMonthDays)];
    accounts.Count(row, month.share);
    month.score.Add(accounts.Score(row));
    if (accounts.Score(row).has_value()) month.low.Add(low ? 1 : 0);
    month.automatic.Add(automatic[row]);
  });
  const auto if_known = [&](const MoneyTotal& amount) { return known > 0 ? std::optional(amount) : std::nullopt; };
  report.Figure({"sales.renewals_90d", "Renewals, 90 days", "Accounts that renew within 90 days."}, "accounts",
                known > 0 ? std::optional(static_cast<double>(all.accounts)) : std::nullopt, known);
  report.Amount({"sales.renewals_90d_mrr", "MRR to renew", "MRR of accounts that renew within 90 days."},
                if_known(all.mrr), known);
  report.Amount({"sales.renewals_90d_at_risk_mrr", "Of it in lowest band",
                 "MRR of accounts that renew within 90 days and are in the lowest band."},
                if_known(at_risk.mrr), known);
  v1::ReportTable* table = report.Table({"sales.renewals", "Renewals due",
                                         "Accounts that renew within 90 days, by when: their mean score, the share of "
                                         "those with a score that are in the lowest band, "
                                         "and the share that renews by itself."},
                                        {{"score", "points"}, {"lowest band", "ratio"}, {"automatic", "ratio"}});
  for (int i = 0; i < kNearDays / kMonthDays; ++i) {
    const int first = i == 0 ? 0 : i * kMonthDays + 1;
    const int last = (i + 1) * kMonthDays;
    report.AddRow(table, absl::StrCat(last), absl::StrCat(first, " to ", last, " days"), months[i].share,
                  {months[i].score.value(), months[i].low.value(), months[i].automatic.value()});
  }
  report.List({"sales.renewals", "Next renewals",
               "Accounts that renew within 90 days, next first, then by MRR, highest first."},
              std::move(due), [&](facts::RowId a, facts::RowId b) {
                if (*days[a] != *days[b]) return *days[a] < *days[b];
                return accounts.WeighsMore(a, b);
              });
}

}  // namespace

void AddSalesParts(RunStep run) {
  run([](AudienceReport& report) { AddRetained(report); });
  run([](AudienceReport& report) { AddRetentionFigures(report, "sales"); });
  run([](AudienceReport& report) {
    const RevenueTotals year = RevenueOver(report.accounts().facts(), report.accounts().rows(), 365);
    report.Figure(
        {"sales.expansion_365d", "Expansion, 365 days",
         "Expansion within 365 days of the accounts that paid at their start, as a share of what they paid then."},
        "ratio", year.ExpansionRate(), year.start_accounts);
  });
  run([](AudienceReport& report) { AddRenewals(report); });
  run([](AudienceReport& report) { AddExpansion(report, report.Live()); });
  run([](AudienceReport& report) { AddPlanTable(report, "sales.plans"); });
}

}  // namespace perennial::segments
