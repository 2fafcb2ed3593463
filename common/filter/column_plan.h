#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_table.h"
#include "common/filter/filter.h"
#include "common/filter/program.h"

namespace perennial::filter {

// One question about rows, answered yes or no: what is unknown is no.
struct PlanNode {
  enum class Kind : std::uint8_t {
    kAll,
    kNone,
    kAnd,         // all of `children`
    kOr,          // one of `children`
    kNumbers,     // known, and stands to `bound` as `comparator` says
    kCode,        // has the text of `code`
    kOtherCode,   // has a text, and that is not `code`
    kCodes,       // has one of the texts of `codes`
    kElements,    // the set is known and has an element of `codes`
    kNoElements,  // the set is known and has none
    kBits,        // is in `bits`
    kNotBits,     // is not
    kFound,       // a text or tag that is searched for
    kNotFound,
  };
  Kind kind = Kind::kNone;
  Comparator comparator = Comparator::kEqual;
  std::uint32_t code = 0;
  double bound = 0;
  const facts::NumberColumn* numbers = nullptr;
  const facts::TextColumn* texts = nullptr;
  const facts::SetColumn* sets = nullptr;
  // Perhaps shorter than the table: the rows past it are not in it.
  const facts::Bitmap* bits = nullptr;
  // Over a dictionary: texts that are looked for.
  facts::Bitmap codes = {};
  std::vector<std::uint32_t> children = {};
  // Of a search: in these texts, those whose codes are set.
  std::array<const facts::TextColumn*, 2> searched = {};
  std::array<facts::Bitmap, 2> found = {};
};

// What is to be worked out for several filters over one table. Negations are moved down to the comparisons, where three
// truth values become two, and what several filters ask is asked once.
class ColumnPlan {
 public:
  // Both must outlive this; the table must not change.
  ColumnPlan(const facts::FactTable& table, const EvaluationContext& context) : table_(table), context_(context) {}

  // Number of the node that says for which rows a program is true. The program is not needed afterwards.
  std::uint32_t Add(const Program& program) { return Build(program, 0, false); }

  // Children come before what they belong to.
  [[nodiscard]] const std::vector<PlanNode>& nodes() const { return nodes_; }

 private:
  // The node for `program.nodes[at]` being true, or false when `negated`.
  std::uint32_t Build(const Program& program, std::uint32_t at, bool negated);
  std::uint32_t BuildList(const Program& program, std::uint32_t at, bool negated);
  PlanNode Leaf(const Program& program, const Node& node, bool negated) const;
  PlanNode TextLeaf(const Pattern& pattern, const Node& node, bool negated) const;
  PlanNode ElementLeaf(const Program& program, const Node& node, bool negated) const;
  PlanNode KnownLeaf(const Node& node, bool negated) const;
  PlanNode SearchLeaf(const Program& program, const Node& node, bool negated) const;
  // The node with that key, made by `make` if it is new.
  template <class Make>
  std::uint32_t Shared(std::string key, Make make);

  const facts::FactTable& table_;
  const EvaluationContext& context_;
  std::vector<PlanNode> nodes_;
  absl::flat_hash_map<std::string, std::uint32_t> shared_;
};

}  // namespace perennial::filter
