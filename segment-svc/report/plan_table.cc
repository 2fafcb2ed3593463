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
  std::erase_if(plans, [](const Plan& one) { return one.code == 0 || one.share.accounts == 0; });
  std::sort(plans.begin(), plans.end(), [&](const Plan& a, const Plan& b) {
    if (a.share.mrr != b.share.mrr) return a.share.mrr > b.share.mrr;
    return plan.TextOf(a.code) < plan.TextOf(b.code);
  });
  plans.resize(std::min(plans.size(), kMostPlans));
  v1::ReportTable* table = report.Table({id, "Plans",
                                         "Live accounts by their present plan, highest MRR first, at most 20 plans: "
                                         "mean score, NRR and GRR over 365 days of the accounts "
                                         "that have the plan now, and mean CLV of those for which it is known."},
                                        {{"score", "points"}, {"NRR", "ratio"}, {"GRR", "ratio"}, {"mean CLV", ""}});
  for (const Plan& one : plans) {
    facts::Bitmap rows(accounts.rows().size());
    for (const facts::RowId row : live) {
      if (plan.Code(row) == one.code) rows.Set(row);
    }
    const RevenueTotals year = RevenueOver(accounts.facts(), rows, 365);
    report.AddRow(table, plan.TextOf(one.code), plan.TextOf(one.code), one.share,
                  {one.score.value(), year.NetRetention(), year.GrossRetention(), one.clv.value()});
  }
}

}  // namespace perennial::segments
