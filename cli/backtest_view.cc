#include "cli/backtest_view.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/bars.h"
#include "cli/format.h"
#include "cli/table.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::BacktestScorecardRequest;
using perennial::health::v1::BacktestScorecardResponse;
using perennial::health::v1::Estimate;
using perennial::health::v1::MeasureBacktest;

constexpr int kBarWidth = 20;

double Share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

// "30.0% (25.5% to 36.6%)".
std::string ShareText(const Estimate& estimate, bool known) {
  if (!known) return std::string(kUnknown);
  return absl::StrCat(FormatPercent(estimate.value()), " (", FormatPercent(estimate.low()), " to ",
                      FormatPercent(estimate.high()), ")");
}

std::string AreaText(const Estimate& estimate, bool known) {
  if (!known) return std::string(kUnknown);
  return absl::StrFormat("%.3f (%.3f to %.3f)", estimate.value(), estimate.low(), estimate.high());
}

void AddDeciles(Page& page, const BacktestScorecardResponse& answer, int width) {
  page.emplace_back();
  page.push_back(SectionHead("Tenths by score, lowest first", "bar: churn rate, lift beside it", width));
  double most = 0;
  for (const auto& decile : answer.deciles()) most = std::max(most, Share(decile.churned(), decile.accounts()));
  Table table({{"", Align::kRight},
               {"score", Align::kRight},
               {"accounts", Align::kRight},
               {"churned", Align::kRight},
               {"rate", Align::kRight},
               {"lift", Align::kRight},
               {""}});
  for (const auto& decile : answer.deciles()) {
    const double rate = Share(decile.churned(), decile.accounts());
    table.AddRow({Text(absl::StrCat(decile.decile()), Style::kDim),
                  absl::StrCat(FormatScore(decile.lowest_score()), " to ", FormatScore(decile.highest_score())),
                  FormatCount(decile.accounts()), FormatCount(decile.churned()), FormatPercent(rate),
                  absl::StrFormat("%.2f", decile.lift()), Bar(most > 0 ? rate / most : 0, kBarWidth, Style::kRed)});
  }
  Append(page, table.Render(width));
}

void AddBands(Page& page, const BacktestScorecardResponse& answer, int width) {
  page.emplace_back();
  page.push_back(SectionHead("What a band has meant", "churn rate with its 95% interval", width));
  Table bands({{"band"},
               {"accounts", Align::kRight},
               {"churned", Align::kRight},
               {"churn rate"},
               {"mean score", Align::kRight}});
  for (const auto& band : answer.calibration()) {
    bands.AddRow({BandText(band.band()), FormatCount(band.accounts()), FormatCount(band.churned()),
                  ShareText(band.churn_rate(), band.has_churn_rate()),
                  band.accounts() > 0 ? FormatScore(band.mean_score()) : std::string(kUnknown)});
  }
  Append(page, bands.Render(width));
  page.emplace_back();
  page.push_back(SectionHead("Taking all below an edge for leaving", "", width));
  Table edges({{"below"}, {"accounts", Align::kRight}, {"of them churned"}, {"of the churned, found"}});
  for (const auto& edge : answer.edges()) {
    edges.AddRow({BandText(edge.band()).Add(absl::StrCat(" (", FormatNumber(edge.lower_bound()), ")"), Style::kPlain),
                  FormatCount(edge.accounts_below()), ShareText(edge.precision(), edge.has_precision()),
                  ShareText(edge.recall(), edge.has_recall())});
  }
  Append(page, edges.Render(width));
}

void AddMeasures(Page& page, const BacktestScorecardResponse& answer, int width) {
  page.emplace_back();
  page.push_back(SectionHead("Each measure alone", "AUC where it is known, best first", width));
  std::vector<const MeasureBacktest*> measures;
  for (const MeasureBacktest& measure : answer.measures()) measures.push_back(&measure);
  std::stable_sort(measures.begin(), measures.end(),
                   [](const auto* a, const auto* b) { return a->auc().value() > b->auc().value(); });
  Table table({{"measure", Align::kLeft, true}, {"AUC"}, {"accounts", Align::kRight}, {"churned", Align::kRight}});
  for (const MeasureBacktest* measure : measures) {
    table.AddRow({measure->measure(), AreaText(measure->auc(), measure->has_auc()), FormatCount(measure->accounts()),
                  FormatCount(measure->churned())});
  }
  Append(page, table.Render(width));
}

}  // namespace

Page RenderBacktest(const BacktestScorecardRequest& asked, const BacktestScorecardResponse& answer, int width) {
  const std::string dates =
      absl::StrCat(CountOf(asked.as_of_size(), "date"), ", ", asked.horizon_days(), " days after each");
  Page page = {SectionHead(absl::StrCat("Back-test of ", asked.name(), " revision ", answer.scorecard_revision()),
                           dates, width)};
  page.push_back(Text("  AUC ", Style::kPlain).Add(AreaText(answer.auc(), answer.has_auc()), Style::kBold));
  Append(page,
         Wrap("The chance that one that churns had a lower score than one that stays: 0.5 is guessing, 1 is never "
              "wrong. The interval takes accounts of several dates as independent.",
              width, 2, Style::kDim));
  page.emplace_back(absl::StrCat("  ", FormatCount(answer.accounts()), " scored, ", FormatCount(answer.churned()),
                                 " churned (", FormatPercent(Share(answer.churned(), answer.accounts())), "), ",
                                 FormatCount(answer.unknown()), " unknown"));
  if (answer.has_median_lead_days()) {
    page.emplace_back(absl::StrCat("  those that churned from the lowest band did so after ",
                                   FormatDays(answer.median_lead_days()), " (median)"));
  }
  AddDeciles(page, answer, width);
  AddBands(page, answer, width);
  AddMeasures(page, answer, width);
  return page;
}

}  // namespace perennial::cli
