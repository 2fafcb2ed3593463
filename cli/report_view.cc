#include "cli/report_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"
#include "cli/report_audience.h"
#include "cli/report_sections.h"

namespace perennial::cli {
namespace {

// From here on there is room for two sections next to each other.
constexpr int kTwoColumns = 110;
constexpr int kGap = 4;
constexpr double kFullScore = 100;
// A loss that shows as less than this explains nothing.
constexpr double kLeastLoss = 0.05;

Page Empty(const ReportData& data, int width) {
  Page page = ReportHeadline(data, width);
  page.emplace_back();
  if (!data.report.segment().empty()) {
    page.push_back(Text("  ").Add("No account is in ").Add(data.report.segment(), Style::kBold).Add(" now."));
    page.emplace_back("  See who would be with: perennial segments preview FILTER", Style::kDim);
    return page;
  }
  page.push_back(Text("  ").Add("No accounts yet.", Style::kBold).Add(" Load your own, or make some up:"));
  page.emplace_back();
  page.emplace_back("    perennial import DIR --mapping FILE", Style::kCyan);
  page.emplace_back("    perennial generate --help", Style::kCyan);
  return page;
}

Text Loss(double points, absl::string_view reason) {
  return Text(absl::StrFormat("%6.1f", -points), Style::kRed).Add("  ").Add(reason, Style::kDim);
}

}  // namespace

std::vector<Text> WorstReasons(const perennial::health::v1::HealthScoreExplanation& explanation, int limit) {
  std::vector<Text> reasons;
  const auto is_full = [&] { return static_cast<int>(reasons.size()) >= limit; };
  for (const auto& exception : explanation.exceptions()) {
    if (!is_full() && exception.score_after() < exception.score_before()) {
      reasons.push_back(Loss(exception.score_before() - exception.score_after(), exception.reason()));
    }
  }
  for (const auto& measure : explanation.measures()) {
    const double loss = measure.effective_weight() * kFullScore - measure.contribution();
    if (is_full() || loss < kLeastLoss) continue;
    const std::string& name = measure.display_name().empty() ? measure.measure() : measure.display_name();
    reasons.push_back(Loss(loss, measure.reason().empty() ? name : measure.reason()));
  }
  return reasons;
}

Page RenderReport(const ReportData& data, int width) {
  if (data.report.accounts() == 0) return Empty(data, width);
  Page page = ReportHeadline(data, width);
  const auto add = [&page](const Page& section) {
    if (section.empty()) return;
    page.emplace_back();
    Append(page, section);
  };
  const bool for_success = data.report.audience() <= perennial::segments::v1::REPORT_AUDIENCE_SUCCESS;
  const bool two = width >= kTwoColumns;
  const int half = (width - kGap) / 2;
  if (for_success) {
    add(ReportHealth(data, width));
    if (two) add(SideBySide(ReportPhases(data, half), half, kGap, ReportFlags(data, half)));
    if (!two) add(ReportPhases(data, width));
    if (!two) add(ReportFlags(data, width));
    add(ReportWorst(data, width));
    add(ReportRenewals(data, width));
  }
  add(ReportFigures(data, width));
  if (for_success && two) add(SideBySide(ReportRevenue(data, half), half, kGap, ReportSegments(data, half)));
  if ((for_success && !two) || (!for_success && !data.report.revenue().empty())) add(ReportRevenue(data, width));
  if (for_success && !two) add(ReportSegments(data, width));
  add(ReportTables(data, width));
  add(ReportLists(data, width));
  if (data.definitions) add(ReportDefinitions(data, width));
  if (!data.notes.empty()) page.emplace_back();
  for (const std::string& note : data.notes) page.push_back(Text("  ! ", Style::kYellow).Add(note));
  return page;
}

}  // namespace perennial::cli
