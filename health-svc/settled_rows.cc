#include "health-svc/settled_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perennial::health {
namespace {

// Whether a column has just this value at a row; NaN stands for unknown.
bool Has(const facts::NumberColumn* column, facts::RowId row, double value) {
  const bool known = column != nullptr && column->known.Test(row);
  return std::isnan(value) ? !known : known && column->values[row] == value;
}

// Rows of a range that a filter selects. One that reads the clock is asked row by row.
facts::Bitmap Selected(const LiveFilter& filter, const facts::FactTable& table, facts::RowId first, facts::RowId end,
                       absl::FunctionRef<absl::Time(facts::RowId)> as_of) {
  if (filter.compiled() == nullptr) return facts::Bitmap(end - first);
  if (!filter.compiled()->reads_clock()) {
    return filter.compiled()->EvaluateRows(table, {.now = absl::UnixEpoch()}, first, end);
  }
  facts::Bitmap out(end - first);
  for (facts::RowId row = first; row < end; ++row) {
    if (table.live(row) && filter.Selects(facts::TableRow(table, row), {.now = as_of(row)})) out.Set(row - first);
  }
  return out;
}

}  // namespace

bool SettledRows::MayBe(facts::RowId row) const {
  const Portfolio::Entry& entry = portfolio_.entry(row);
  return portfolio_.table().live(row) && entry.revision > 0 && !entry.outdated && !entry.frozen &&
         portfolio_.OverrideOf(row) == nullptr;
}

facts::Bitmap SettledRows::Find(facts::RowId first, facts::RowId end,
                                absl::FunctionRef<absl::Time(facts::RowId)> as_of) {
  facts::Bitmap settled(end - first);
  const auto phase = portfolio_.catalogue().Find("phase");
  const facts::TextColumn* phases = phase.has_value() ? portfolio_.table().texts(*phase) : nullptr;
  const std::uint32_t churned = phases != nullptr ? phases->dictionary.Find("CHURNED") : 0;
  const auto wanted = [&](facts::RowId row) { return MayBe(row) && (churned == 0 || phases->codes[row] != churned); };
  scoring_.Score({.table = portfolio_.table(),
                  .first = first,
                  .end = end,
                  .as_of = as_of,
                  .wanted = wanted,
                  .carried = [&](facts::RowId row) { return portfolio_.CarriedOf(row); }},
                 [&](const ScoredBlock& block) {
                   for (const facts::RowId row : block.rows) settled.Set(row - first);
                   CompareScores(block, first, settled);
                 });
  for (std::size_t rule = 0; rule < portfolio_.rules().all().size(); ++rule) {
    CompareFlags(rule, first, end, as_of, settled);
  }
  return settled;
}

void SettledRows::CompareScores(const ScoredBlock& block, facts::RowId first, facts::Bitmap& settled) const {
  const HealthFacts& ours = portfolio_.health_facts();
  const facts::FactTable& table = portfolio_.table();
  const facts::NumberColumn* scores = table.numbers(ours.score());
  const facts::NumberColumn* coverage = table.numbers(ours.coverage());
  const facts::NumberColumn* changes = table.numbers(ours.change());
  for (std::size_t i = 0; i < block.rows.size(); ++i) {
    const facts::RowId row = block.rows[i];
    const bool same = portfolio_.ScorecardOf(row) == block.scorecard && Has(scores, row, block.scores[i]) &&
                      Has(coverage, row, block.coverage[i]) &&
                      Has(changes, row, block.scores[i] - portfolio_.entry(row).baseline);
    if (!same) settled.Reset(row - first);
  }
  const v1::Scorecard& card = block.scorecard->config();
  for (int m = 0; m < card.measures_size(); ++m) {
    const auto fact = ours.MeasureFact(card.measures(m).id());
    const facts::NumberColumn* points = fact.has_value() ? table.numbers(*fact) : nullptr;
    const auto at = static_cast<std::size_t>(m);
    for (std::size_t i = 0; i < block.rows.size(); ++i) {
      const double now = block.valued[at][i] > 0 ? block.points[at][i] : std::nan("");
      if (!Has(points, block.rows[i], now)) settled.Reset(block.rows[i] - first);
    }
  }
}

void SettledRows::CompareFlags(std::size_t rule, facts::RowId first, facts::RowId end,
                               absl::FunctionRef<absl::Time(facts::RowId)> as_of, facts::Bitmap& settled) const {
  const CompiledFlagRule& compiled = portfolio_.rules().all()[rule];
  const facts::Bitmap holds = Selected(compiled.filter, portfolio_.table(), first, end, as_of);
  const bool has_clear = !compiled.clear_filter.text().empty();
  const facts::Bitmap clears =
      has_clear ? Selected(compiled.clear_filter, portfolio_.table(), first, end, as_of) : facts::Bitmap();
  const auto& states = portfolio_.flags(rule);
  for (facts::RowId row = first; row < end; ++row) {
    if (!settled.Test(row - first)) continue;
    const auto found = states.find(row);
    if (found == states.end()) {
      if (holds.Test(row - first)) settled.Reset(row - first);
      continue;
    }
    const FlagState& state = found->second;
    const bool open = state.standing.open;
    const bool stays = open && has_clear ? !clears.Test(row - first) : holds.Test(row - first);
    if (state.standing.pending_since.has_value() || state.handled != v1::FLAG_STATE_UNSPECIFIED || stays != open) {
      settled.Reset(row - first);
    }
  }
}

}  // namespace perennial::health
