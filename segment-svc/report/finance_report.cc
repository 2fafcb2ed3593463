#include <algorithm>
#include <cstddef>
#include <utility>

#include "segment-svc/report/audience_report.h"
#include "segment-svc/report/plan_table.h"
#include "segment-svc/revenue_window.h"

namespace perennial::segments {
namespace {

using Rows = std::vector<facts::RowId>;

constexpr std::size_t kTop = 10;

void AddRevenue(AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact mrr(accounts.facts(), "mrr");
  MoneyTotal total;
  std::int64_t known = 0, paying = 0;
  std::vector<double> amounts;
  accounts.rows().ForEach([&](facts::RowId row) {
    if (!mrr[row].has_value()) return;
    ++known;
    total.Add(mrr[row]);
    if (*mrr[row] <= 0) return;
    ++paying;
    amounts.push_back(*mrr[row]);
  });
  const std::size_t top = std::min(kTop, amounts.size());
  std::partial_sort(amounts.begin(), amounts.begin() + static_cast<std::ptrdiff_t>(top), amounts.end(),
                    std::greater<>());
  MoneyTotal of_top;
  for (std::size_t i = 0; i < top; ++i) of_top.Add(amounts[i]);
  const auto if_known = [&](const MoneyTotal& amount) { return known > 0 ? std::optional(amount) : std::nullopt; };
  report.Amount({"finance.mrr", "MRR", "Sum of the MRR of all accounts."}, if_known(total), known);
  report.Amount({"finance.arr", "ARR", "Twelve times the MRR."}, if_known(total.Times(12)), known);
  report.Amount({"finance.average_mrr", "MRR per payer", "Mean MRR of accounts that pay."},
                paying > 0 ? std::optional(total.DividedBy(paying)) : std::nullopt, paying);
  AddRetentionFigures(report, "finance");
  const RevenueTotals year = RevenueOver(accounts.facts(), accounts.rows(), 365);
  report.Figure(
      {"finance.expansion_365d", "Expansion, 365 days",
       "Expansion within 365 days of the accounts that paid at their start, as a share of what they paid then."},
      "ratio", year.ExpansionRate(), year.start_accounts);
  report.Figure({"finance.top10_share", "Largest 10", "MRR of the ten accounts that pay most, as a share of all."},
                "ratio", total > MoneyTotal() ? std::optional(of_top.Over(total)) : std::nullopt, paying);
}

void AddEquity(AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact clv(accounts.facts(), "value.clv");
  MoneyTotal equity;
  std::int64_t known = 0;
  accounts.rows().ForEach([&](facts::RowId row) {
    if (!clv[row].has_value()) return;
    ++known;
    equity.Add(clv[row]);
  });
  const auto if_known = [&](const MoneyTotal& amount) { return known > 0 ? std::optional(amount) : std::nullopt; };
  report.Amount({"finance.customer_equity", "Customer equity", "Sum of the CLV of all accounts whose CLV is known."},
                if_known(equity), known);
  report.Amount({"finance.mean_clv", "Equity per account", "Mean CLV of those; of accounts that churned it is 0."},
                if_known(equity.DividedBy(known)), known);
}

void AddCost(AudienceReport& report, const std::optional<LedgerFigures>& ledger, std::optional<Micros> cost) {
  const auto accounts = static_cast<std::int64_t>(report.accounts().rows().Count());
  const std::int64_t known = ledger.has_value() ? accounts : 0;
  const auto revenue = ledger.has_value() ? std::optional(ledger->revenue_365d) : std::nullopt;
  report.Amount({"finance.revenue_365d", "Revenue, 365 days",
                 "What was paid over the last 365 days: MRR over time by the revenue ledger, a month being a twelfth "
                 "of 365 days. Unknown "
                 "until the ledger has been read after a start."},
                revenue, known);
  const auto spent = cost.has_value() ? std::optional(MoneyTotal::OfMicros(*cost)) : std::nullopt;
  report.Amount(
      {"finance.success_cost_365d", "Success cost", "What success cost over those 365 days, as the request says."},
      spent, accounts);
  std::optional<double> share;
  if (revenue.has_value() && spent.has_value() && *revenue > MoneyTotal()) share = spent->Over(*revenue);
  report.Figure({"finance.success_cost_share", "Success investment", "That cost as a share of that revenue."}, "ratio",
                share, known);
}

void AddQuarters(AudienceReport& report, const std::optional<LedgerFigures>& ledger) {
  v1::ReportTable* table =
      report.Table({"finance.quarters", "Quarters",
                    "The last eight calendar quarters by the revenue ledger, oldest first, the present one up to now: "
                    "accounts that pay and MRR at its "
                    "end, and NRR, GRR, logo churn and expansion of those that paid at its start. Empty until the "
                    "ledger has been read."},
                   {{"NRR", "ratio"}, {"GRR", "ratio"}, {"logo churn", "ratio"}, {"expansion", "ratio"}});
  if (!ledger.has_value()) return;
  for (std::size_t i = 0; i < ledger->quarters.size(); ++i) {
    const RetentionTotals& quarter = ledger->quarters[i];
    report.AddRow(table, ledger->names[i], ledger->names[i], {.accounts = quarter.end_accounts, .mrr = quarter.end},
                  {quarter.revenue.NetRetention(), quarter.revenue.GrossRetention(), quarter.revenue.LogoChurn(),
                   quarter.revenue.ExpansionRate()});
  }
}

void AddLists(AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact start(accounts.facts(), "revenue.start_365d");
  const NumberFact clv(accounts.facts(), "value.clv");
  Rows paying, valuable, lost;
  accounts.rows().ForEach([&](facts::RowId row) {
    if (accounts.Pays(row)) paying.push_back(row);
    if (clv[row].has_value()) valuable.push_back(row);
    if (start.Or(row, 0) > 0 && !accounts.Pays(row)) lost.push_back(row);
  });
  const auto by = [&accounts](const NumberFact& fact) {
    return [&accounts, &fact](facts::RowId a, facts::RowId b) {
      if (*fact[a] != *fact[b]) return *fact[a] > *fact[b];
      return accounts.WeighsMore(a, b);
    };
  };
  report.List({"finance.largest", "Largest accounts", "Accounts that pay, by MRR, highest first."}, std::move(paying));
  report.List({"finance.most_valuable", "Most valuable accounts", "Accounts whose CLV is known, highest first."},
              std::move(valuable), by(clv));
  report.List({"finance.lost", "Lost within 365 days",
               "Accounts that paid 365 days ago and do not now, by what they paid then, highest first; that is the MRR "
               "shown."},
              std::move(lost), by(start), &start);
}

}  // namespace

void AddFinanceParts(RunStep run, const std::optional<LedgerFigures>& ledger, std::optional<Micros> cost) {
  run([](AudienceReport& report) { AddRevenue(report); });
  run([](AudienceReport& report) { AddEquity(report); });
  run([&](AudienceReport& report) {
    AddCost(report, ledger, cost);
    AddQuarters(report, ledger);
  });
  run([](AudienceReport& report) { AddPlanTable(report, "finance.plans"); });
  run([](AudienceReport& report) { AddLists(report); });
}

}  // namespace perennial::segments
