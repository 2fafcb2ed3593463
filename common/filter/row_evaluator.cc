#include "common/filter/row_evaluator.h"

#include <algorithm>

#include "common/filter/changed.h"

namespace perennial::filter {
namespace {

constexpr Truth TruthOf(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

constexpr Truth Not(Truth value) {
  return value == Truth::kUnknown ? Truth::kUnknown : TruthOf(value == Truth::kFalse);
}

class RowEvaluation {
 public:
  RowEvaluation(const Program& program, const facts::RowReader& row, const EvaluationContext& context)
      : program_(program), row_(row), context_(context) {}

  [[nodiscard]] Truth At(std::uint32_t at) const {
    const Node& node = program_.nodes[at];
    switch (node.kind) {
      case NodeKind::kEverything: return Truth::kTrue;
      case NodeKind::kAnd: return Least(at);
      case NodeKind::kOr: return Greatest(at);
      case NodeKind::kNot: return Not(At(at + 1));
      case NodeKind::kNumber: return Number(node, node.number);
      case NodeKind::kClock: return Number(node, ClockThreshold(context_.now, node.number));
      case NodeKind::kChanged: return Changed(node);
      case NodeKind::kText: return Text(node);
      case NodeKind::kElement: return Element(node);
      case NodeKind::kAny: return row_.HasSet(node.fact) ? TruthOf(!row_.Set(node.fact).empty()) : Truth::kUnknown;
      case NodeKind::kKnown: return TruthOf(IsKnown(node));
      case NodeKind::kSearch: return TruthOf(Finds(program_.searches[node.operand]));
      case NodeKind::kSegment: return Segment(program_.segments[node.operand]);
    }
    return Truth::kUnknown;
  }

 private:
  // AND: truth values are ordered false, unknown, true.
  [[nodiscard]] Truth Least(std::uint32_t at) const {
    Truth least = Truth::kTrue;
    const std::uint32_t end = program_.nodes[at].end;
    for (std::uint32_t child = at + 1; child < end && least != Truth::kFalse; child = program_.nodes[child].end) {
      least = std::min(least, At(child));
    }
    return least;
  }

  [[nodiscard]] Truth Greatest(std::uint32_t at) const {
    Truth greatest = Truth::kFalse;
    const std::uint32_t end = program_.nodes[at].end;
    for (std::uint32_t child = at + 1; child < end && greatest != Truth::kTrue; child = program_.nodes[child].end) {
      greatest = std::max(greatest, At(child));
    }
    return greatest;
  }

  [[nodiscard]] Truth Number(const Node& node, double threshold) const {
    const auto number = row_.Number(node.fact);
    if (!number.has_value()) return Truth::kUnknown;
    return TruthOf(WithComparator(node.comparator, [&](auto compare) { return compare(*number, threshold); }));
  }

  [[nodiscard]] Truth Changed(const Node& node) const {
    const auto since = row_.Number(node.fact);
    if (!since.has_value()) return Truth::kUnknown;
    if (node.type != facts::FactType::kTime) return TruthOf(*since < node.number);
    return TruthOf(*since >= ChangeThreshold(context_.now, node.number));
  }

  [[nodiscard]] Truth Text(const Node& node) const {
    const auto text = row_.Text(node.fact);
    if (!text.has_value()) return Truth::kUnknown;
    return TruthOf(MatchesText(*text, node.comparator, program_.patterns[node.operand]));
  }

  [[nodiscard]] Truth Element(const Node& node) const {
    if (!row_.HasSet(node.fact)) return Truth::kUnknown;
    const Pattern& pattern = program_.patterns[node.operand];
    if (pattern.exact()) return TruthOf(row_.SetContains(node.fact, pattern.text));
    const facts::StringSet set = row_.Set(node.fact);
    return TruthOf(std::any_of(set.begin(), set.end(), [&](const std::string& e) { return pattern.Matches(e); }));
  }

  [[nodiscard]] bool IsKnown(const Node& node) const {
    switch (node.type) {
      case facts::FactType::kString: return row_.Text(node.fact).has_value();
      case facts::FactType::kStringSet: return row_.HasSet(node.fact);
      default: return row_.Number(node.fact).has_value();
    }
  }

  [[nodiscard]] bool Finds(const Search& search) const {
    const SearchedFacts& where = program_.searched;
    for (const auto& fact : {where.name, where.owner}) {
      if (!fact.has_value()) continue;
      const auto text = row_.Text(*fact);
      if (text.has_value() && ContainsIgnoringCase(*text, search.lower)) return true;
    }
    return where.tags.has_value() && row_.SetContains(*where.tags, search.text);
  }

  [[nodiscard]] Truth Segment(const std::string& id) const {
    const auto number = row_.row();
    const facts::Bitmap* members = context_.segments == nullptr ? nullptr : context_.segments->Members(id);
    if (members == nullptr || !number.has_value()) return Truth::kUnknown;
    return TruthOf(*number < members->size() && members->Test(*number));
  }

  const Program& program_;
  const facts::RowReader& row_;
  const EvaluationContext& context_;
};

}  // namespace

Truth EvaluateRow(const Program& program, const facts::RowReader& row, const EvaluationContext& context) {
  return RowEvaluation(program, row, context).At(0);
}

}  // namespace perennial::filter
