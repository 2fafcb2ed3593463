#include "segment-svc/report/plan_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "segment-svc/revenue_window.h"

namespace perennial::segments {
namespace {
constexpr std::size_t kMostPlans = 20;
}

void AddPlanTable(AudienceReport& report, const char* id) {
  const ReportAccounts& accounts = report.accounts();
  const TextFact plan(accounts.facts(), "plan");
  const NumberFact clv(accounts.facts(), "value.clv");
  const NumberFact start(accounts.facts(), "revenue.start_365d");
  struct Plan {
    std::uint32_t code = 0;
    Share share;
    Mean score, clv;
  };
  std::vector<Plan> plans(plan.code_count());
  const std::vector<facts::RowId> live = report.Live();
  for (const facts::RowId row : live) {
    Plan& of_row = plans[plan.Code(row)];
    of_row.code = plan.Code(row);
    accounts.Count(row, of_row.share);
    of_row.score.Add(accounts.Score(row));
    of_row.clv.Add(clv[row]);
  }
  // Whoever paid a year ago and has no plan now: without them the rows would say that hardly anybody leaves.
  facts::Bitmap gone(accounts.rows().size());
  Share share_gone;
  accounts.rows().ForEach([&](facts::RowId row) {
    if ((accounts.IsLive(row) && plan.Code(row) != 0) || start.Or(row, 0) <= 0) return;
    gone.Set(row);
    accounts.Count(row, share_gone);
  });
  std::erase_if(plans, [](const Plan& one) { return one.code == 0 || one.share.accounts == 0; });
  std::sort(plans.begin(), plans.end(), [&](const Plan& a, const Plan& b) {
    if (a.share.mrr != b.share.mrr) return a.share.mrr > b.share.mrr;
    return plan.TextOf(a.code) < plan.TextOf(b.code);
  });
  plans.resize(std::min(plans.size(), kMostPlans));
  v1::ReportTable* table = report.Table({id, "Plans",
                                         "Live accounts by their present plan, highest MRR first, at most 20 plans: "
                                         "mean score, NRR and GRR over 365 days of the accounts "
                                         "that have the plan now, and mean CLV of those for which it is known. Accounts "
                                         "that paid 365 days ago and have no plan now come last."},
                                        {{"score", "points"}, {"NRR 365 d", "ratio"}, {"GRR 365 d", "ratio"},
                                         {"mean CLV", ""}});
  for (const Plan& one : plans) {
    facts::Bitmap rows(accounts.rows().size());
    for (const facts::RowId row : live) {
      if (plan.Code(row) == one.code) rows.Set(row);
    }
    const RevenueTotals year = RevenueOver(accounts.facts(), rows, 365);
    report.AddRow(table, plan.TextOf(one.code), plan.TextOf(one.code), one.share,
                  {one.score.value(), year.NetRetention(), year.GrossRetention(), one.clv.value()});
  }
  if (share_gone.accounts == 0) return;
  const RevenueTotals year = RevenueOver(accounts.facts(), gone, 365);
  report.AddRow(table, "", "none any more", share_gone,
                {std::nullopt, year.NetRetention(), year.GrossRetention(), std::nullopt});
}

}  // namespace perennial::segments
