#include "health-svc/rules/column_scoring.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace perennial::health {
namespace {

// Rows of a block: a dozen measures of it fit into the second level of a processor's cache.
constexpr facts::RowId kBlock = 1024;

}  // namespace

// A filter over the rows of one call. One that reads the clock is asked row by row, as each row has a moment of its
// own.
class ColumnScoring::RowFilter {
 public:
  RowFilter(const LiveFilter& filter, const Rows& rows) : filter_(filter), rows_(rows) {}

  bool Has(facts::RowId row) {
    if (!prepared_) Prepare();
    if (bits_.has_value()) return bits_->Test(row - rows_.first);
    return filter_.Selects(facts::TableRow(rows_.table, row), {.now = rows_.as_of(row)});
  }

 private:
  void Prepare() {
    prepared_ = true;
    const filter::Filter* compiled = filter_.compiled();
    if (compiled == nullptr) {
      bits_.emplace(rows_.end - rows_.first);
    } else if (!compiled->reads_clock()) {
      bits_ = compiled->EvaluateRows(rows_.table, {.now = absl::UnixEpoch()}, rows_.first, rows_.end);
    }
  }

  const LiveFilter& filter_;
  const Rows& rows_;
  bool prepared_ = false;
  std::optional<facts::Bitmap> bits_;
};

struct ColumnScoring::CardFilters {
  CardFilters(const CompiledScorecard& card, const Rows& rows) : applies_to(card.applies_to_, rows) {
    for (const auto& measure : card.measures_) {
      auto& filters = variants.emplace_back();
      for (const auto& variant : measure.variants) filters.emplace_back(variant.filter, rows);
    }
    for (const LiveFilter& exception : card.exceptions_) exceptions.emplace_back(exception, rows);
  }

  RowFilter applies_to;
  std::vector<std::vector<RowFilter>> variants;  // by measure
  std::vector<RowFilter> exceptions;
};

void ColumnScoring::Score(const Rows& rows, Visit visit) {
  std::vector<CardFilters> filters;
  filters.reserve(scorecards_.all().size());
  for (const auto& card : scorecards_.all()) filters.emplace_back(*card, rows);
  by_card_.resize(filters.size());
  for (facts::RowId from = rows.first; from < rows.end; from += kBlock) {
    ScoreBlock(rows, from, std::min(rows.end, from + kBlock), filters, visit);
  }
}

void ColumnScoring::ScoreBlock(const Rows& rows, facts::RowId from, facts::RowId to, std::vector<CardFilters>& filters,
                               Visit visit) {
  for (auto& list : by_card_) list.clear();
  for (facts::RowId row = from; row < to; ++row) {
    if (!rows.table.live(row) || !rows.wanted(row)) continue;
    std::size_t card = 0;
    // The last one applies to all.
    while (card + 1 < filters.size() && !scorecards_.all()[card]->applies_to_.text().empty() &&
           !filters[card].applies_to.Has(row)) {
      ++card;
    }
    by_card_[card].push_back(row);
  }
  for (std::size_t card = 0; card < filters.size(); ++card) {
    if (by_card_[card].empty()) continue;
    block_.swap(by_card_[card]);
    ScoreWith(rows, card, filters[card], visit);
    block_.swap(by_card_[card]);
  }
}

void ColumnScoring::ScoreWith(const Rows& rows, std::size_t index, CardFilters& filters, Visit visit) {
  const CompiledScorecard& card = *scorecards_.all()[index];
  const std::size_t count = block_.size();
  const std::size_t measures = card.measures_.size();
  if (measures_.size() < measures) measures_.resize(measures);
  columns_.resize(measures);
  ScoredBlock out;
  out.scorecard = &card;
  out.scorecard_index = index;
  out.rows = block_;
  for (std::size_t m = 0; m < measures; ++m) {
    Look(rows, card, m, filters);
    columns_[m] = {
        .points = measures_[m].points.data(), .counts = measures_[m].counts.data(), .known = measures_[m].known.data()};
    out.points.push_back(measures_[m].points.data());
    out.valued.push_back(measures_[m].valued.data());
  }
  scores_.resize(count);
  coverage_.resize(count);
  card.mean_.Run(count, columns_, {.score = scores_.data(), .coverage = coverage_.data()}, work_);
  ApplyExceptions(card, filters);
  out.scores = scores_;
  out.coverage = coverage_;
  visit(out);
}

void ColumnScoring::Look(const Rows& rows, const CompiledScorecard& card, std::size_t index, CardFilters& filters) {
  const auto& measure = card.measures_[index];
  const std::size_t count = block_.size();
  MeasureNumbers& out = measures_[index];
  out.points.assign(count, 0.0);
  out.known.assign(count, 0.0);
  if (measure.usable) {
    for (std::size_t i = all_places_.size(); i < count; ++i) all_places_.push_back(static_cast<std::uint32_t>(i));
    const absl::Span<const std::uint32_t> places(all_places_.data(), count);
    std::vector<RowFilter>& variants = filters.variants[index];
    if (variants.empty()) {
      Along(measure.curve, rows.table, *measure.fact, measure.type, places, out);
    } else {
      std::vector<std::vector<std::uint32_t>> split(variants.size() + 1);
      for (const std::uint32_t place : places) {
        std::size_t v = 0;
        while (v < variants.size() && !variants[v].Has(block_[place])) ++v;
        split[v].push_back(place);
      }
      for (std::size_t v = 0; v < split.size(); ++v) {
        const Curve& curve = v < variants.size() ? measure.variants[v].curve : measure.curve;
        Along(curve, rows.table, *measure.fact, measure.type, split[v], out);
      }
    }
    if (measure.max_age_days > 0) {
      const facts::NumberColumn* ages = rows.table.numbers(*measure.age);
      for (std::size_t i = 0; i < count; ++i) {
        const facts::RowId row = block_[i];
        const bool fresh = ages != nullptr && ages->known.Test(row) && ages->values[row] <= measure.max_age_days;
        if (!fresh) out.known[i] = out.points[i] = 0;
      }
    }
  }
  out.counts = out.known;
  out.valued = out.known;
  if (const std::optional<double> instead = PointsWhileMissing(measure.missing)) {
    const double points = *instead;
    for (std::size_t i = 0; i < count; ++i) out.points[i] = out.known[i] > 0 ? out.points[i] : points;
    out.counts.assign(count, 1.0);
  } else if (measure.missing == v1::MISSING_POLICY_CARRY && measure.usable) {
    LookBack(rows, card, index, out);
  }
}

void ColumnScoring::LookBack(const Rows& rows, const CompiledScorecard& card, std::size_t measure,
                             MeasureNumbers& numbers) const {
  for (std::size_t i = 0; i < block_.size(); ++i) {
    if (numbers.known[i] > 0) continue;
    const facts::RowId row = block_[i];
    const CarriedFacts* carried = rows.carried(row);
    if (carried == nullptr) continue;
    const MeasureOutcome outcome =
        card.Look(measure, facts::TableRow(rows.table, row), {.now = rows.as_of(row)}, carried);
    if (!outcome.points.has_value()) continue;
    numbers.points[i] = *outcome.points;
    numbers.counts[i] = numbers.valued[i] = 1;
  }
}

void ColumnScoring::Along(const Curve& curve, const facts::FactTable& table, facts::FactId fact, facts::FactType type,
                          absl::Span<const std::uint32_t> places, MeasureNumbers& numbers) {
  if (type == facts::FactType::kString) {
    const facts::TextColumn* texts = table.texts(fact);
    if (texts == nullptr) return;
    const absl::flat_hash_map<std::uint32_t, double> by_code = curve.OfCodes(texts->dictionary);
    const std::optional<double> others = curve.OfOtherText();
    for (const std::uint32_t place : places) {
      const std::uint32_t code = texts->codes[block_[place]];
      if (code == 0) continue;
      const auto found = by_code.find(code);
      if (found == by_code.end() && !others.has_value()) continue;
      numbers.points[place] = found == by_code.end() ? *others : found->second;
      numbers.known[place] = 1;
    }
    return;
  }
  const facts::NumberColumn* column = table.numbers(fact);
  if (column == nullptr) return;
  if (type == facts::FactType::kBool) {
    const std::optional<double> by_value[] = {curve.OfText("false"), curve.OfText("true")};
    for (const std::uint32_t place : places) {
      const facts::RowId row = block_[place];
      const std::optional<double>& points = by_value[column->values[row] != 0 ? 1 : 0];
      if (!column->known.Test(row) || !points.has_value()) continue;
      numbers.points[place] = *points;
      numbers.known[place] = 1;
    }
    return;
  }
  const std::size_t count = places.size();
  values_.resize(count);
  const bool whole = count == block_.size();
  points_.resize(count);
  has_.resize(count);
  rows_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    rows_[i] = block_[places[i]];
    has_[i] = column->known.Test(rows_[i]) ? 1 : 0;
  }
  column->values.Gather(rows_.data(), count, values_.data());
  curve.OfNumbers(count, values_.data(), points_.data(), has_.data());
  if (whole) {
    numbers.points.swap(points_);
    numbers.known.swap(has_);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    numbers.points[places[i]] = points_[i];
    numbers.known[places[i]] = has_[i];
  }
}

void ColumnScoring::ApplyExceptions(const CompiledScorecard& card, CardFilters& filters) {
  for (std::size_t e = 0; e < card.exceptions_.size(); ++e) {
    const v1::ScoreException& exception = card.config_.exceptions(static_cast<int>(e));
    for (std::size_t i = 0; i < block_.size(); ++i) {
      if (std::isnan(scores_[i]) || !filters.exceptions[e].Has(block_[i])) continue;
      scores_[i] = CompiledScorecard::After(exception, scores_[i]);
    }
  }
}

}  // namespace perennial::health
