#include <algorithm>
#include <string>
#include <vector>

#include "segment-svc/report/audience_report.h"

namespace perennial::segments {

namespace {

// What the live accounts of a band are worth.
struct BandWorth {
  Share share;
  Mean mean_clv, churn;
};

void AddValueByBand(AudienceReport& report, const std::vector<std::string>& bands,
                    const std::vector<BandWorth>& worth) {
  v1::ReportTable* table = report.Table(
      {"success.value_by_band", "Value by band",
       "Live accounts by band, worst first, those of unknown score last: mean CLV and mean probability to churn "
       "within 12 months of those for which they are known."},
      {{"mean CLV", ""}, {"churn 12 months", "ratio"}});
  for (std::size_t i = 0; i < bands.size(); ++i) {
    report.AddRow(table, bands[i], bands[i].empty() ? "unknown" : bands[i], worth[i].share,
                  {worth[i].mean_clv.value(), worth[i].churn.value()});
  }
}

// Sums over live accounts.
struct Sums {
  std::vector<std::string> bands = {};  // worst first, unknown last
  std::vector<BandWorth> worth = {};    // by band
  Mean score = {}, flagged = {}, churn = {};
  MoneyTotal clv = {}, clv_at_risk = {}, mrr_at_risk = {};
  std::int64_t known = 0;  // CLV
};

Sums SumUp(const AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact clv(accounts.facts(), "value.clv");
  const NumberFact churn(accounts.facts(), "value.churn_probability_12m");
  const NumberFact open_flags(accounts.facts(), "flags.open");
  const NumberFact mrr(accounts.facts(), "mrr");
  Sums sums{.bands = accounts.Bands(), .worth = {}};
  const std::string lowest = sums.bands.front();
  sums.bands.emplace_back();
  sums.worth.resize(sums.bands.size());
  for (const facts::RowId row : report.Live()) {
    sums.score.Add(accounts.Score(row));
    sums.churn.Add(churn[row]);
    if (const auto open = open_flags[row]) sums.flagged.Add(*open > 0 ? 1 : 0);
    const std::string band = accounts.Score(row).has_value() ? accounts.Band(row) : "";
    const bool low = !band.empty() && band == lowest;
    if (low) sums.mrr_at_risk.Add(mrr[row]);
    const auto at = std::find(sums.bands.begin(), sums.bands.end(), band);
    BandWorth& of_band =
        at == sums.bands.end() ? sums.worth.back() : sums.worth[static_cast<std::size_t>(at - sums.bands.begin())];
    accounts.Count(row, of_band.share);
    of_band.churn.Add(churn[row]);
    of_band.mean_clv.Add(clv[row]);
    if (!clv[row].has_value()) continue;
    ++sums.known;
    sums.clv.Add(clv[row]);
    if (low) sums.clv_at_risk.Add(clv[row]);
  }
  return sums;
}

void AddHealthFigures(AudienceReport& report, const Sums& sums) {
  report.Figure({"success.mean_score", "Mean score", "Mean score of live accounts whose score is known."}, "points",
                sums.score);
  report.Figure(
      {"success.flagged", "Flagged", "Live accounts with a raised flag, as a share of those that have been evaluated."},
      "ratio", sums.flagged);
  report.Amount({"success.mrr_at_risk", "MRR in lowest band", "MRR of live accounts in the lowest band."},
                sums.mrr_at_risk, sums.score.known());
}

void AddValueFigures(AudienceReport& report, const Sums& sums) {
  const std::int64_t known = sums.known;
  const auto if_known = [&](const MoneyTotal& amount) { return known > 0 ? std::optional(amount) : std::nullopt; };
  report.Amount({"success.clv", "Lifetime value", "Sum of the CLV of live accounts whose CLV is known."},
                if_known(sums.clv), known);
  report.Amount({"success.mean_clv", "Mean CLV", "Mean CLV of those."}, if_known(sums.clv.DividedBy(known)), known);
  report.Amount({"success.clv_at_risk", "CLV in lowest band", "Sum of the CLV of live accounts in the lowest band."},
                if_known(sums.clv_at_risk), known);
  report.Figure({"success.churn_probability_12m", "Churn within 12 months",
                 "Mean probability that a live account churns within 12 months, of those for which it is known."},
                "ratio", sums.churn);
  AddValueByBand(report, sums.bands, sums.worth);
}

}  // namespace

void AddSuccessParts(RunStep run) {
  Sums sums;
  run([&](AudienceReport& report) {
    sums = SumUp(report);
    AddHealthFigures(report, sums);
  });
  run([](AudienceReport& report) { AddRetentionFigures(report, "success"); });
  run([&](AudienceReport& report) { AddValueFigures(report, sums); });
}

}  // namespace perennial::segments
