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

}  // namespace

void AddSuccessParts(AudienceReport& report) {
  const ReportAccounts& accounts = report.accounts();
  const NumberFact clv(accounts.facts(), "value.clv");
  const NumberFact churn(accounts.facts(), "value.churn_probability_12m");
  const NumberFact open_flags(accounts.facts(), "flags.open");
  const NumberFact mrr(accounts.facts(), "mrr");
  std::vector<std::string> bands = accounts.Bands();
  const std::string lowest = bands.front();
  bands.emplace_back();

  std::vector<BandWorth> worth(bands.size());
  Mean score, flagged, mean_churn;
  MoneyTotal total, at_risk, mrr_at_risk;
  std::int64_t known = 0;
  for (const facts::RowId row : report.Live()) {
    score.Add(accounts.Score(row));
    mean_churn.Add(churn[row]);
    if (const auto open = open_flags[row]) flagged.Add(*open > 0 ? 1 : 0);
    const std::string band = accounts.Score(row).has_value() ? accounts.Band(row) : "";
    const bool low = !band.empty() && band == lowest;
    if (low) mrr_at_risk.Add(mrr[row]);
    const auto at = std::find(bands.begin(), bands.end(), band);
    BandWorth& of_band = at == bands.end() ? worth.back() : worth[static_cast<std::size_t>(at - bands.begin())];
    accounts.Count(row, of_band.share);
    of_band.churn.Add(churn[row]);
    of_band.mean_clv.Add(clv[row]);
    if (!clv[row].has_value()) continue;
    ++known;
    total.Add(clv[row]);
    if (low) at_risk.Add(clv[row]);
  }

  report.Figure({"success.mean_score", "Mean score", "Mean score of live accounts whose score is known."}, "points",
                score);
  report.Figure(
      {"success.flagged", "Flagged", "Live accounts with a raised flag, as a share of those that have been evaluated."},
      "ratio", flagged);
  report.Amount({"success.mrr_at_risk", "MRR in lowest band", "MRR of live accounts in the lowest band."}, mrr_at_risk,
                score.known());
  AddRetentionFigures(report, "success");
  const auto if_known = [&](const MoneyTotal& amount) { return known > 0 ? std::optional(amount) : std::nullopt; };
  report.Amount({"success.clv", "Lifetime value", "Sum of the CLV of live accounts whose CLV is known."},
                if_known(total), known);
  report.Amount({"success.mean_clv", "Mean CLV", "Mean CLV of those."}, if_known(total.DividedBy(known)), known);
  report.Amount({"success.clv_at_risk", "CLV in lowest band", "Sum of the CLV of live accounts in the lowest band."},
                if_known(at_risk), known);
  report.Figure({"success.churn_probability_12m", "Churn within 12 months",
                 "Mean probability that a live account churns within 12 months, of those for which it is known."},
                "ratio", mean_churn);
  AddValueByBand(report, bands, worth);
}

}  // namespace perennial::segments
