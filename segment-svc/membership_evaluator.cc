#include "segment-svc/membership_evaluator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace perennial::segments {
namespace {

// Above this share of the rows, going by columns over all of them is cheaper than row by row.
constexpr std::size_t kRowsWorthAScan = 8;
// Filters that are evaluated together: bounds the memory that what they select takes.
constexpr std::size_t kMostAtOnce = 128;

}  // namespace

MembershipEvaluator::Work& MembershipEvaluator::Works::Touch(std::size_t place) {
  touched_[place / 64] |= std::uint64_t{1} << (place % 64);
  return works_[place];
}

void MembershipEvaluator::Works::AddRow(std::size_t place, facts::RowId row) {
  std::vector<facts::RowId>& rows = Touch(place).rows;
  if (rows.empty() || rows.back() != row) rows.push_back(row);
}

std::size_t MembershipEvaluator::Works::Next(std::size_t place) const {
  for (std::size_t word = place / 64; word < touched_.size(); ++word) {
    std::uint64_t bits = touched_[word];
    if (word == place / 64) bits &= ~std::uint64_t{0} << (place % 64);
    if (bits != 0) return word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
  }
  return works_.size();
}

void MembershipEvaluator::Put(Definition definition) {
  std::unique_ptr<Segment>& segment = segments_[definition.id];
  if (segment == nullptr) segment = std::make_unique<Segment>();
  by_uid_.erase(segment->definition.uid);
  segment->definition = std::move(definition);
  by_uid_[segment->definition.uid] = segment.get();
  Rebuild();
}

void MembershipEvaluator::Remove(const std::string& id) {
  const auto found = segments_.find(id);
  if (found == segments_.end()) return;
  by_uid_.erase(found->second->definition.uid);
  segments_.erase(found);
  Rebuild();
}

const MembershipEvaluator::Definition* MembershipEvaluator::Find(const std::string& id) const {
  const auto found = segments_.find(id);
  return found == segments_.end() ? nullptr : &found->second->definition;
}

void MembershipEvaluator::SetMembers(const std::string& id, absl::Span<const facts::RowId> rows) {
  const auto found = segments_.find(id);
  if (found == segments_.end()) return;
  facts::Bitmap& members = found->second->members;
  if (members.size() < table_.row_count()) members.Resize(table_.row_count());
  for (const facts::RowId row : rows) members.Set(row);
}

void MembershipEvaluator::SetDecision(const std::string& id, facts::RowId row, std::optional<bool> included) {
  const auto found = segments_.find(id);
  if (found == segments_.end()) return;
  Segment& segment = *found->second;
  segment.added.remove(row);
  segment.removed.remove(row);
  if (included.has_value()) (*included ? segment.added : segment.removed).add(row);
}

std::optional<bool> MembershipEvaluator::DecisionOf(const std::string& id, facts::RowId row) const {
  const auto found = segments_.find(id);
  if (found == segments_.end()) return std::nullopt;
  if (found->second->added.contains(row)) return true;
  if (found->second->removed.contains(row)) return false;
  return std::nullopt;
}

void MembershipEvaluator::Rebuild() {
  graph_.clear();
  for (const auto& [id, segment] : segments_) {
    graph_[id] = segment->definition.references;
    segment->depth = 0;
    segment->callers.clear();
  }
  order_.clear();
  readers_.clear();
  for (const std::string& id : DependencyOrder(graph_)) {
    Segment* const segment = segments_[id].get();
    order_.push_back(segment);
    for (const std::string& called : segment->definition.references) {
      const auto found = segments_.find(called);
      if (found == segments_.end()) continue;
      found->second->callers.push_back(segment);
      segment->depth = std::max(segment->depth, found->second->depth + 1);
    }
    if (!segment->definition.filter.has_value()) continue;
    for (const facts::FactId fact : segment->definition.filter->facts()) AddReader(segment, fact);
  }
  for (Readers& readers : readers_) {
    std::stable_sort(readers.by_threshold.begin(), readers.by_threshold.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  std::stable_sort(order_.begin(), order_.end(),
                   [](const Segment* a, const Segment* b) { return a->depth < b->depth; });
  for (std::size_t i = 0; i < order_.size(); ++i) order_[i]->place = i;
}

void MembershipEvaluator::AddReader(const Segment* segment, facts::FactId fact) {
  if (fact >= readers_.size()) readers_.resize(fact + 1);
  const auto thresholds = segment->definition.filter->Thresholds(fact);
  if (!thresholds.has_value()) {
    readers_[fact].whatever.push_back(segment);
    return;
  }
  for (const double threshold : *thresholds) readers_[fact].by_threshold.emplace_back(threshold, segment);
  // Whether it is known may matter all the same: then the number goes from or to infinity.
  if (thresholds->empty()) {
    readers_[fact].by_threshold.emplace_back(std::numeric_limits<double>::infinity(), segment);
  }
}

void MembershipEvaluator::AddReaders(const AppliedRow& row, std::size_t index, Works& works) const {
  const facts::FactId fact = row.changed[index];
  if (fact >= readers_.size()) return;
  const Readers& readers = readers_[fact];
  for (const Segment* segment : readers.whatever) works.AddRow(segment->place, row.row);
  if (readers.by_threshold.empty()) return;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double before = row.before[index];
  const auto after = table_.Number(row.row, fact);
  const bool known = after.has_value() && !std::isnan(before);
  const double low = known ? std::min(before, *after) : -kInfinity;
  const double high = known ? std::max(before, *after) : kInfinity;
  auto reader = std::lower_bound(readers.by_threshold.begin(), readers.by_threshold.end(), low,
                                 [](const auto& entry, double number) { return entry.first < number; });
  for (; reader != readers.by_threshold.end() && reader->first <= high; ++reader) {
    works.AddRow(reader->second->place, row.row);
  }
}

void MembershipEvaluator::AddRows(const std::vector<AppliedRow>& rows, Works& works) const {
  for (const AppliedRow& row : rows) {
    if (row.appeared || row.deleted) {
      for (std::size_t place = 0; place < order_.size(); ++place) works.AddRow(place, row.row);
      continue;
    }
    for (std::size_t i = 0; i < row.changed.size(); ++i) AddReaders(row, i, works);
  }
}

std::vector<Move> MembershipEvaluator::Evaluate(const std::vector<AppliedRow>& rows,
                                                const std::vector<std::string>& whole, absl::Time now) {
  Works works(order_.size());
  AddRows(rows, works);
  for (const std::string& id : whole) works.Touch(segments_.at(id)->place).whole = true;
  return Run(works, now);
}

std::vector<Move> MembershipEvaluator::EvaluateIn(const std::string& id, std::vector<facts::RowId> rows,
                                                  absl::Time now) {
  Works works(order_.size());
  works.Touch(segments_.at(id)->place).rows = std::move(rows);
  return Run(works, now);
}

std::vector<Move> MembershipEvaluator::Run(Works& works, absl::Time now) {
  std::vector<Move> moves;
  const filter::EvaluationContext context{.now = now, .segments = this};
  // A filter may look at rows of any segment that it calls.
  for (Segment* segment : order_) {
    if (segment->members.size() < table_.row_count()) segment->members.Resize(table_.row_count());
  }
  std::vector<std::size_t> places;
  for (std::size_t next = works.Next(0); next < order_.size(); next = works.Next(places.back() + 1)) {
    places.clear();
    const std::size_t depth = order_[next]->depth;
    while (next < order_.size() && places.size() < kMostAtOnce && order_[next]->depth == depth) {
      places.push_back(next);
      next = works.Next(next + 1);
    }
    std::vector<facts::Bitmap> selected = SelectWhole(places, works, context);
    auto next_selected = selected.begin();
    for (const std::size_t place : places) {
      Segment& segment = *order_[place];
      const std::size_t before = moves.size();
      if (IsWhole(works.At(place))) {
        const bool has_filter = segment.definition.filter.has_value();
        ReplaceMembers(segment, has_filter ? std::move(*next_selected++) : facts::Bitmap(table_.row_count()), moves);
      } else {
        EvaluateRows(segment, works.Touch(place).rows, context, moves);
      }
      // Who calls it is deeper, and so comes later.
      for (const Segment* caller : segment.callers) {
        for (std::size_t i = before; i < moves.size(); ++i) works.AddRow(caller->place, moves[i].row);
      }
    }
  }
  return moves;
}

bool MembershipEvaluator::IsWhole(const Work& work) const {
  return work.whole || work.rows.size() > table_.row_count() / kRowsWorthAScan + 1;
}

std::vector<facts::Bitmap> MembershipEvaluator::SelectWhole(const std::vector<std::size_t>& places, const Works& works,
                                                            const filter::EvaluationContext& context) const {
  std::vector<const filter::Filter*> filters;
  for (const std::size_t place : places) {
    const std::optional<filter::Filter>& filter = order_[place]->definition.filter;
    if (filter.has_value() && IsWhole(works.At(place))) filters.push_back(&*filter);
  }
  return filters.empty() ? std::vector<facts::Bitmap>() : filter::Filter::EvaluateAll(filters, table_, context);
}

void MembershipEvaluator::ReplaceMembers(Segment& segment, facts::Bitmap now, std::vector<Move>& moves) {
  for (const facts::RowId row : segment.added) {
    if (table_.live(row)) now.Set(row);
  }
  for (const facts::RowId row : segment.removed) now.Reset(row);
  const std::vector<std::uint64_t>& before = segment.members.words();
  for (std::size_t w = 0; w < now.words().size(); ++w) {
    const std::uint64_t after = now.words()[w];
    for (std::uint64_t changed = after ^ before[w]; changed != 0; changed &= changed - 1) {
      const int bit = std::countr_zero(changed);
      moves.push_back({.segment_uid = segment.definition.uid,
                       .row = static_cast<facts::RowId>(w * 64 + static_cast<std::size_t>(bit)),
                       .entered = ((after >> bit) & 1U) != 0});
    }
  }
  segment.members = std::move(now);
}

bool MembershipEvaluator::Selects(const Segment& segment, facts::RowId row,
                                  const filter::EvaluationContext& context) const {
  if (!table_.live(row)) return false;
  if (segment.added.contains(row)) return true;
  if (segment.removed.contains(row)) return false;
  const std::optional<filter::Filter>& filter = segment.definition.filter;
  return filter.has_value() && filter->Selects(facts::TableRow(table_, row), context);
}

void MembershipEvaluator::EvaluateRows(Segment& segment, std::vector<facts::RowId>& rows,
                                       const filter::EvaluationContext& context, std::vector<Move>& moves) {
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  for (const facts::RowId row : rows) {
    const bool selected = Selects(segment, row, context);
    if (selected == segment.members.Test(row)) continue;
    if (selected) {
      segment.members.Set(row);
    } else {
      segment.members.Reset(row);
    }
    moves.push_back({.segment_uid = segment.definition.uid, .row = row, .entered = selected});
  }
}

void MembershipEvaluator::Undo(absl::Span<const Move> moves) {
  for (const Move& move : moves) {
    facts::Bitmap& members = by_uid_.at(move.segment_uid)->members;
    if (move.entered) {
      members.Reset(move.row);
    } else {
      members.Set(move.row);
    }
  }
}

const facts::Bitmap* MembershipEvaluator::Members(absl::string_view segment) const {
  const auto found = segments_.find(segment);
  return found == segments_.end() ? nullptr : &found->second->members;
}

std::vector<std::string> MembershipEvaluator::All() const {
  std::vector<std::string> ids;
  for (const Segment* segment : order_) ids.push_back(segment->definition.id);
  return ids;
}

std::vector<std::string> MembershipEvaluator::ReadingTheClock() const {
  std::vector<std::string> ids;
  for (const Segment* segment : order_) {
    const auto& filter = segment->definition.filter;
    if (filter.has_value() && filter->reads_clock()) ids.push_back(segment->definition.id);
  }
  return ids;
}

std::vector<std::string> MembershipEvaluator::WithoutFilter() const {
  std::vector<std::string> ids;
  for (const Segment* segment : order_) {
    const Definition& definition = segment->definition;
    if (!definition.filter.has_value() && !definition.is_static) ids.push_back(definition.id);
  }
  return ids;
}

}  // namespace perennial::segments
