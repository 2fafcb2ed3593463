#include "cli/account_view.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/account_sections.h"
#include "cli/bars.h"
#include "cli/format.h"
#include "cli/table.h"
#include "cli/tiles.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::HealthScore;
using perennial::health::v1::HealthScoreExplanation;
using perennial::health::v1::MeasureExplanation;

// From here on the reasons stand beside the measures instead of below.
constexpr int kReasonsBeside = 110;
constexpr int kPointsBar = 10;
// Less than this range of scores is not blown up to the full height of the history.
constexpr double kLeastRange = 25;

// Where it stands among other accounts; nothing when it stands alone.
Page Place(const perennial::accounts::v1::GetAccountHierarchyResponse& hierarchy, int width) {
  if (hierarchy.nodes().empty()) return {};
  const auto& node = hierarchy.nodes(0);
  std::vector<std::string> parts;
  if (!hierarchy.ancestors().empty()) parts.push_back(absl::StrCat("below ", absl::StrJoin(hierarchy.ancestors(), " < ")));
  if (node.descendants() > 0) {
    parts.push_back(absl::StrCat(CountOf(node.descendants(), "account"), " below it, MRR with them ",
                                 FormatMoney(node.total_mrr())));
  }
  if (parts.empty()) return {};
  Page page = {Text()};
  Append(page, Wrap(absl::StrJoin(parts, " · "), width, 2, Style::kDim));
  return page;
}

Page Header(const AccountData& data, int width) {
  const auto& account = data.customer.account();
  Text title(account.display_name().empty() ? account.name() : account.display_name(), Style::kBold);
  const Text name(account.name(), Style::kDim);
  Page page;
  if (title.width() + name.width() + 2 <= width) {
    page.push_back(title.PadTo(width - name.width()).Add(name));
  } else {
    page.push_back(title.Truncated(width));
    page.push_back(name.Truncated(width));
  }
  if (account.has_delete_time()) {
    page.emplace_back(absl::StrCat("  deleted on ", FormatDate(account.delete_time())), Style::kRed);
  }
  const auto* plan = FindFact(data, "plan");
  const auto* renewal = FindFact(data, "renewal_days");
  page.emplace_back();
  Append(page,
         Tiles({{"Phase", Text(FormatPhase(account.phase()), Style::kBold)},
                {"MRR", Text(MrrOf(data), Style::kBold)},
                {"Plan", plan == nullptr ? std::string(kUnknown) : FormatFact(*plan)},
                {"Renews", FormatDaysUntil(renewal == nullptr ? std::nullopt : std::optional(renewal->number()))}},
               width));
  page.emplace_back();
  const auto* tenure = FindFact(data, "tenure_days");
  Append(page, Tiles({{"In phase since", FormatDate(account.phase_start_time())},
                      {"Customer since", FormatDate(account.customer_since())},
                      {"Tenure", tenure == nullptr ? std::string(kUnknown) : FormatDays(tenure->number())},
                      {"Owner", account.owner().empty() ? std::string(kUnknown) : account.owner()}},
                     width));
  Append(page, Place(data.hierarchy, width));
  return page;
}

Text ScoreLine(const HealthScore& score, int width) {
  const Style style = StyleOfBand(score.band());
  const auto value = score.has_score() ? std::optional(score.score()) : std::nullopt;
  Text line = Text("  ").Add(FormatScore(value), Style::kBold).Add(" ").Add(BandText(score.band()));
  line.Add("  ").Add(Bar(value.value_or(0) / 100, std::clamp(width / 4, 15, 30), style, true));
  line.Add("  coverage ", Style::kDim)
      .Add(FormatPercent(score.coverage()))
      .Add(" ")
      .Add(Bar(score.coverage(), 6, Style::kCyan, true));
  if (score.has_change_30d()) {
    const double change = score.change_30d();
    const bool flat = std::abs(change) < 0.05;
    const Style direction = flat ? Style::kDim : change < 0 ? Style::kRed : Style::kGreen;
    line.Add("  ").Add(absl::StrCat(flat         ? "="
                                    : change < 0 ? "▼"
                                                 : "▲",
                                    " ", FormatNumber(std::abs(change), 1)),
                       direction);
    line.Add(" in 30 days", Style::kDim);
  }
  return line.Truncated(width);
}

// Numbers come with all their digits.
std::string ReadableValue(const std::string& value) {
  double number = 0;
  return absl::SimpleAtod(value, &number) && std::isfinite(number) ? FormatNumber(number, 3) : value;
}

Text ValueCell(const MeasureExplanation& measure) {
  const std::string value = ReadableValue(measure.fact_value());
  if (measure.state() == perennial::health::v1::MEASURE_STATE_STALE) {
    return Text(value).Add(" (too old)", Style::kYellow);
  }
  if (value.empty() || measure.state() == perennial::health::v1::MEASURE_STATE_UNKNOWN) {
    // A value outside a bounded curve is there, but tells nothing.
    return Text(value.empty() ? kUnknown : absl::string_view(value)).Add(" unknown", Style::kDim);
  }
  return {value};
}

Style StyleOfPoints(double points) { return points < 50 ? Style::kRed : points < 75 ? Style::kYellow : Style::kGreen; }

Page MeasureTable(const HealthScoreExplanation& health, int width) {
  const bool beside = width >= kReasonsBeside;
  std::vector<Column> columns = {
      {"measure", Align::kLeft, true, 12}, {"value", Align::kRight, true}, {"points"}, {"", Align::kRight},
      {"weight", Align::kRight},           {"gives", Align::kRight}};
  if (beside) columns.push_back({"why", Align::kLeft, true, 30});
  Table table(columns);
  std::string without_weight;
  for (const MeasureExplanation& measure : health.measures()) {
    const std::string& name = measure.display_name().empty() ? measure.measure() : measure.display_name();
    if (measure.effective_weight() == 0) {
      absl::StrAppend(&without_weight, without_weight.empty() ? "" : ", ", name);
      continue;
    }
    const auto points = measure.has_score() ? std::optional(measure.score()) : std::nullopt;
    std::vector<Text> cells = {
        Text(name),
        ValueCell(measure),
        points.has_value() ? Bar(*points / 100, kPointsBar, StyleOfPoints(*points), true) : Text(),
        FormatScore(points),
        FormatPercent(measure.effective_weight()),
        Text(FormatScore(points.has_value() ? std::optional(measure.contribution()) : std::nullopt), Style::kBold)};
    if (beside) cells.emplace_back(measure.reason(), Style::kDim);
    table.AddRow(std::move(cells));
    if (!beside && !measure.reason().empty()) table.AddLine(Text("  ").Add(measure.reason(), Style::kDim));
  }
  Page page = table.Render(width);
  if (!without_weight.empty()) {
    Append(page, Wrap(absl::StrCat("Unknown or too old, their weight goes to the others: ", without_weight), width, 2,
                      Style::kDim));
  }
  return page;
}

// What the measures add up to, and what exceptions made of it.
Page Sum(const HealthScoreExplanation& health, int width) {
  Page page;
  const auto line = [&](absl::string_view label, const std::string& value, Style style) {
    page.push_back(Text("  ").Add(Text(label, style).Truncated(width - 20)).Add("  ").Add(value, Style::kBold));
  };
  if (health.has_computed_score()) line("all measures together", FormatScore(health.computed_score()), Style::kDim);
  for (const auto& exception : health.exceptions()) {
    line(exception.reason().empty() ? exception.exception() : exception.reason(),
         absl::StrCat(FormatScore(exception.score_before()), " → ", FormatScore(exception.score_after())),
         Style::kYellow);
  }
  return page;
}

Page History(const AccountData& data, int width) {
  if (data.history.size() < 2) return {};  // the score itself says as much
  std::optional<double> low;
  std::optional<double> high;
  for (const auto& change : data.history) {
    if (!change.has_score()) continue;
    low = std::min(low.value_or(change.score()), change.score());
    high = std::max(high.value_or(change.score()), change.score());
  }
  if (!low.has_value()) return {};
  const double middle = (*low + *high) / 2;
  const double reach = std::max(*high - *low, kLeastRange) / 2;
  const int columns = std::clamp(width - 40, 20, 60);
  Text line("  ");
  line.Add(
      Sparkline(SampleHistory(data.history, MomentOf(data), columns), middle - reach, middle + reach, Style::kCyan));
  line.Add(absl::StrCat("  since ", FormatDate(data.history.back().start_time()), ", ", FormatScore(low), " to ",
                        FormatScore(high)),
           Style::kDim);
  return {line.Truncated(width)};
}

Page Health(const AccountData& data, int width) {
  const HealthScoreExplanation& health = data.customer.health();
  const HealthScore& score = health.score();
  const Page missing = MissingPart(data, "health", width);
  if (!missing.empty()) {
    Page page = {SectionHead("Health", "", width)};
    Append(page, missing);
    return page;
  }
  Page page = {SectionHead("Health",
                           absl::StrCat(score.scorecard(), " r", score.scorecard_revision(), " · ",
                                        FormatTime(score.as_of()), " · revision ", FormatCount(score.facts_revision())),
                           width)};
  page.push_back(ScoreLine(score, width));
  if (score.frozen()) page.emplace_back("  frozen: the account has churned, this is its last score", Style::kDim);
  Append(page, Wrap(health.summary(), width, 2));
  Append(page, History(data, width));
  if (health.measures().empty()) return page;
  page.emplace_back();
  Append(page, MeasureTable(health, width));
  Append(page, Sum(health, width));
  return page;
}

}  // namespace

std::vector<std::optional<double>> SampleHistory(const std::vector<perennial::health::v1::HealthScoreChange>& history,
                                                 absl::Time end, int columns) {
  std::vector<std::optional<double>> samples;
  if (history.empty()) return samples;
  const absl::Time begin = ToTime(history.back().start_time());
  end = std::max(end, ToTime(history.front().start_time()));
  auto next = history.rbegin();  // the oldest entry that has not begun yet
  std::optional<double> score;
  for (int column = 1; column <= columns; ++column) {
    const absl::Time moment = column == columns ? end : begin + (end - begin) * column / columns;
    for (; next != history.rend() && ToTime(next->start_time()) <= moment; ++next) {
      score = next->has_score() ? std::optional(next->score()) : std::nullopt;
    }
    samples.push_back(score);
  }
  return samples;
}

Page RenderAccount(const AccountData& data, int width) {
  Page page = Header(data, width);
  for (const Page& section :
       {Health(data, width), AccountFlags(data, width), AccountTasks(data, width), AccountGoals(data, width),
        AccountSegments(data, width), AccountSubscriptions(data, width), AccountContacts(data, width),
        AccountFacts(data, width), AccountTimeline(data, width)}) {
    if (section.empty()) continue;
    page.emplace_back();
    Append(page, section);
  }
  if (!data.notes.empty()) page.emplace_back();
  for (const std::string& note : data.notes) page.push_back(Text("  ! ", Style::kYellow).Add(note));
  return page;
}

}  // namespace perennial::cli
