#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "common/feed/facts_applier.h"
#include "common/filter/filter.h"
#include "roaring/roaring.hh"
#include "segment-svc/segment_graph.h"

namespace perennial::segments {

// A row enters or leaves a segment.
struct Move {
  std::int64_t segment_uid = 0;
  facts::RowId row = 0;
  bool entered = false;

  bool operator==(const Move&) const = default;
};

// The membership of all segments as it follows from the table: evaluates only what a change can touch, segments that
// call others after those. Not thread-safe; the table must not change during a call.
class MembershipEvaluator final : public filter::SegmentMembership {
 public:
  // What is to be kept in step. Without a filter (it reads a fact that nobody has sent yet) nobody is a member.
  struct Definition {
    std::int64_t uid = 0;
    std::string id;
    std::vector<std::string> references;
    std::optional<filter::Filter> filter;
    // Has no filter and never will: only decisions make members.
    bool is_static = false;
  };

  // Must outlive this.
  explicit MembershipEvaluator(const facts::FactTable& table) : table_(table) {}

  // Adds a segment, or gives one of the same id another definition; its members stay until it is evaluated, and what was
  // decided about it stays decided.
  void Put(Definition definition);
  void Remove(const std::string& id);
  // The definition as it stands; null when there is no such segment.
  [[nodiscard]] const Definition* Find(const std::string& id) const;
  // Makes rows members without evaluating, as the store has them.
  void SetMembers(const std::string& id, absl::Span<const facts::RowId> rows);

  // What was decided by hand about a row: in or out, whatever the filter says; nothing leaves it to the filter. Members
  // stay until they are evaluated.
  void SetDecision(const std::string& id, facts::RowId row, std::optional<bool> included);
  [[nodiscard]] std::optional<bool> DecisionOf(const std::string& id, facts::RowId row) const;

  // Re-evaluates `rows` in the segments that read what changed, `whole` segments over all rows, and what calls those
  // that moved. The members are changed accordingly. Returns the moves, each segment's together, callers after the
  // called.
  std::vector<Move> Evaluate(const std::vector<AppliedRow>& rows, const std::vector<std::string>& whole,
                             absl::Time now);
  // The same for some rows of one segment.
  std::vector<Move> EvaluateIn(const std::string& id, std::vector<facts::RowId> rows, absl::Time now);
  // Takes back moves of the last Evaluate().
  void Undo(absl::Span<const Move> moves);

  [[nodiscard]] const facts::Bitmap* Members(absl::string_view segment) const override;
  // Ids of all segments, of those whose filter reads the clock, and of those that are to have a filter and have none
  // yet; in dependency order.
  [[nodiscard]] std::vector<std::string> All() const;
  [[nodiscard]] std::vector<std::string> ReadingTheClock() const;
  [[nodiscard]] std::vector<std::string> WithoutFilter() const;
  [[nodiscard]] const SegmentGraph& graph() const { return graph_; }

 private:
  struct Segment {
    Definition definition;
    facts::Bitmap members;
    // Decided by hand, also of rows that are not live.
    Roaring added;
    Roaring removed;
    // Derived from all definitions: its place in `order_`, how many calls deep its filter goes, and who calls it.
    std::size_t place = 0;
    std::size_t depth = 0;
    std::vector<const Segment*> callers;
  };
  // What is to be evaluated of one segment.
  struct Work {
    bool whole = false;
    std::vector<facts::RowId> rows;
  };
  // The same of all, by place; most changes touch few of many segments.
  class Works {
   public:
    explicit Works(std::size_t segments) : works_(segments), touched_((segments + 63) / 64) {}
    Work& Touch(std::size_t place);
    void AddRow(std::size_t place, facts::RowId row);
    [[nodiscard]] const Work& At(std::size_t place) const { return works_[place]; }
    // The first place from `place` on that was touched; the count of segments when there is none.
    [[nodiscard]] std::size_t Next(std::size_t place) const;

   private:
    std::vector<Work> works_;
    std::vector<std::uint64_t> touched_;
  };
  // Which segments read a fact.
  struct Readers {
    std::vector<const Segment*> whatever;  // any change may matter to them
    // By filter::Filter::Thresholds(), ascending: matters when the number goes past one or comes from or to it.
    std::vector<std::pair<double, const Segment*>> by_threshold;
  };

  void Rebuild();
  void AddReader(const Segment* segment, facts::FactId fact);
  std::vector<Move> Run(Works& works, absl::Time now);
  [[nodiscard]] bool Selects(const Segment& segment, facts::RowId row, const filter::EvaluationContext& context) const;
  void AddRows(const std::vector<AppliedRow>& rows, Works& works) const;
  // Touches who reads the `index`th fact that changed and may be moved by it.
  void AddReaders(const AppliedRow& row, std::size_t index, Works& works) const;
  // What the filters of those at `places` select that are to be evaluated whole; none of them calls another.
  [[nodiscard]] std::vector<facts::Bitmap> SelectWhole(const std::vector<std::size_t>& places, const Works& works,
                                                       const filter::EvaluationContext& context) const;
  [[nodiscard]] bool IsWhole(const Work& work) const;
  void ReplaceMembers(Segment& segment, facts::Bitmap now, std::vector<Move>& moves);
  void EvaluateRows(Segment& segment, std::vector<facts::RowId>& rows, const filter::EvaluationContext& context,
                    std::vector<Move>& moves);

  const facts::FactTable& table_;
  absl::flat_hash_map<std::string, std::unique_ptr<Segment>> segments_;
  absl::flat_hash_map<std::int64_t, Segment*> by_uid_;
  // From here on derived from the definitions.
  SegmentGraph graph_;
  std::vector<Segment*> order_;    // by depth
  std::vector<Readers> readers_;   // by fact
};

}  // namespace perennial::segments
