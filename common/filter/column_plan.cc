#include "common/filter/column_plan.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/filter/changed.h"
#include "common/filter/row_evaluator.h"

namespace perennial::filter {
namespace {

using facts::Bitmap;
using Kind = PlanNode::Kind;

Comparator Opposite(Comparator comparator) {
  switch (comparator) {
    case Comparator::kNotEqual: return Comparator::kEqual;
    case Comparator::kLess: return Comparator::kGreaterEqual;
    case Comparator::kLessEqual: return Comparator::kGreater;
    case Comparator::kGreater: return Comparator::kLessEqual;
    case Comparator::kGreaterEqual: return Comparator::kLess;
    default: return Comparator::kNotEqual;
  }
}

// The comparison of a number that asks the same at this moment.
Node AsNumber(Node node, absl::Time now) {
  const bool is_time = node.type == facts::FactType::kTime;
  if (node.kind == NodeKind::kClock) {
    node.number = ClockThreshold(now, node.number);
  } else {
    node.comparator = is_time ? Comparator::kGreaterEqual : Comparator::kLess;
    if (is_time) node.number = ChangeThreshold(now, node.number);
  }
  node.kind = NodeKind::kNumber;
  return node;
}

// What tells a comparison from any other. Texts come last, as they may hold anything.
std::string KeyOf(const Program& program, const Node& node, double bound, bool negated) {
  std::string key = absl::StrCat(static_cast<int>(node.kind), " ", static_cast<int>(node.comparator), " ", node.fact,
                                 " ", std::bit_cast<std::uint64_t>(bound), " ", negated, " ");
  switch (node.kind) {
    case NodeKind::kText:
    case NodeKind::kElement: {
      const Pattern& pattern = program.patterns[node.operand];
      absl::StrAppend(&key, pattern.any_before, " ", pattern.any_after, " ", pattern.text);
      break;
    }
    case NodeKind::kSearch: absl::StrAppend(&key, program.searches[node.operand].text); break;
    case NodeKind::kSegment: absl::StrAppend(&key, program.segments[node.operand]); break;
    default: break;
  }
  return key;
}

// Bitmap over the codes of `dictionary`, with a bit for each text that `matches`. Code 0, unknown, never has one.
template <class Matches>
Bitmap MatchingCodes(const facts::Dictionary& dictionary, Matches matches) {
  Bitmap codes(dictionary.size());
  for (std::uint32_t code = 1; code < dictionary.size(); ++code) {
    if (matches(dictionary.Text(code))) codes.Set(code);
  }
  return codes;
}

// How long a node takes, roughly, against others.
int CostOf(const PlanNode& node) {
  switch (node.kind) {
    case Kind::kAll:
    case Kind::kNone: return 0;
    case Kind::kBits:
    case Kind::kNotBits: return 1;
    case Kind::kCode: return 2;
    case Kind::kOtherCode: return 3;
    case Kind::kNumbers: return 4;
    case Kind::kAnd:
    case Kind::kOr: return 8;
    case Kind::kCodes: return 16;
    default: return 32;
  }
}

}  // namespace

template <class Make>
std::uint32_t ColumnPlan::Shared(std::string key, Make make) {
  const auto [found, is_new] = shared_.try_emplace(std::move(key), static_cast<std::uint32_t>(nodes_.size()));
  const std::uint32_t at = found->second;
  if (is_new) nodes_.push_back(make());
  return at;
}

std::uint32_t ColumnPlan::Build(const Program& program, std::uint32_t at, bool negated) {
  Node node = program.nodes[at];
  switch (node.kind) {
    case NodeKind::kEverything:
      return Shared(negated ? "none" : "all", [&] { return PlanNode{.kind = negated ? Kind::kNone : Kind::kAll}; });
    case NodeKind::kAnd:
    case NodeKind::kOr: return BuildList(program, at, negated);
    case NodeKind::kNot: return Build(program, at + 1, !negated);
    case NodeKind::kClock:
    case NodeKind::kChanged: node = AsNumber(node, context_.now); [[fallthrough]];
    case NodeKind::kNumber:
      // Of two numbers exactly one of a comparison and its opposite is true.
      if (negated) node.comparator = Opposite(node.comparator);
      negated = false;
      break;
    default: break;
  }
  return Shared(KeyOf(program, node, node.number, negated), [&] { return Leaf(program, node, negated); });
}

std::uint32_t ColumnPlan::BuildList(const Program& program, std::uint32_t at, bool negated) {
  const bool all = (program.nodes[at].kind == NodeKind::kAnd) != negated;
  std::vector<std::uint32_t> children;
  for (std::uint32_t child = at + 1; child < program.nodes[at].end; child = program.nodes[child].end) {
    children.push_back(Build(program, child, negated));
  }
  std::sort(children.begin(), children.end());
  children.erase(std::unique(children.begin(), children.end()), children.end());
  if (children.size() == 1) return children[0];
  std::string key = absl::StrCat(all ? "and " : "or ", absl::StrJoin(children, ","));
  // What is cheap first: with luck it leaves nothing to ask the others for.
  std::stable_sort(children.begin(), children.end(), [&](std::uint32_t a, std::uint32_t b) {
    return CostOf(nodes_[a]) < CostOf(nodes_[b]);
  });
  return Shared(std::move(key), [&] {
    return PlanNode{.kind = all ? Kind::kAnd : Kind::kOr, .children = std::move(children)};
  });
}

PlanNode ColumnPlan::Leaf(const Program& program, const Node& node, bool negated) const {
  switch (node.kind) {
    case NodeKind::kNumber: {
      const facts::NumberColumn* numbers = table_.numbers(node.fact);
      if (numbers == nullptr) return {};
      return {.kind = Kind::kNumbers, .comparator = node.comparator, .bound = node.number, .numbers = numbers};
    }
    case NodeKind::kText: return TextLeaf(program.patterns[node.operand], node, negated);
    case NodeKind::kElement:
    case NodeKind::kAny: return ElementLeaf(program, node, negated);
    case NodeKind::kKnown: return KnownLeaf(node, negated);
    case NodeKind::kSearch: return SearchLeaf(program, node, negated);
    case NodeKind::kSegment: {
      const Bitmap* members =
          context_.segments == nullptr ? nullptr : context_.segments->Members(program.segments[node.operand]);
      if (members == nullptr) return {};
      return {.kind = negated ? Kind::kNotBits : Kind::kBits, .bits = members};
    }
    default: return {};
  }
}

PlanNode ColumnPlan::TextLeaf(const Pattern& pattern, const Node& node, bool negated) const {
  const facts::TextColumn* texts = table_.texts(node.fact);
  if (texts == nullptr) return {};
  // Equality with one text needs no look at the others.
  if (pattern.exact() && (node.comparator == Comparator::kEqual || node.comparator == Comparator::kNotEqual)) {
    const std::uint32_t code = texts->dictionary.Find(pattern.text);
    const bool equal = (node.comparator == Comparator::kEqual) != negated;
    if (equal && code == 0) return {};
    return {.kind = equal ? Kind::kCode : Kind::kOtherCode, .code = code, .texts = texts};
  }
  return {.kind = Kind::kCodes, .texts = texts, .codes = MatchingCodes(texts->dictionary, [&](const std::string& text) {
            return MatchesText(text, node.comparator, pattern) != negated;
          })};
}

PlanNode ColumnPlan::ElementLeaf(const Program& program, const Node& node, bool negated) const {
  const facts::SetColumn* sets = table_.sets(node.fact);
  if (sets == nullptr) return {};
  PlanNode leaf{.kind = negated ? Kind::kNoElements : Kind::kElements, .sets = sets};
  if (node.kind == NodeKind::kAny) {
    leaf.codes = MatchingCodes(sets->dictionary, [](const std::string&) { return true; });
    return leaf;
  }
  const Pattern& pattern = program.patterns[node.operand];
  if (!pattern.exact()) {
    leaf.codes = MatchingCodes(sets->dictionary, [&](const std::string& text) { return pattern.Matches(text); });
    return leaf;
  }
  leaf.codes = Bitmap(sets->dictionary.size());
  if (const std::uint32_t code = sets->dictionary.Find(pattern.text); code != 0) leaf.codes.Set(code);
  return leaf;
}

PlanNode ColumnPlan::KnownLeaf(const Node& node, bool negated) const {
  const Kind bits = negated ? Kind::kNotBits : Kind::kBits;
  if (const auto* numbers = table_.numbers(node.fact)) return {.kind = bits, .bits = &numbers->known};
  if (const auto* sets = table_.sets(node.fact)) return {.kind = bits, .bits = &sets->known};
  if (const auto* texts = table_.texts(node.fact)) {
    return {.kind = negated ? Kind::kCode : Kind::kOtherCode, .code = 0, .texts = texts};
  }
  return {.kind = negated ? Kind::kAll : Kind::kNone};
}

PlanNode ColumnPlan::SearchLeaf(const Program& program, const Node& node, bool negated) const {
  const Search& search = program.searches[node.operand];
  const SearchedFacts& where = program.searched;
  PlanNode leaf{.kind = negated ? Kind::kNotFound : Kind::kFound};
  const std::array<std::optional<facts::FactId>, 2> facts = {where.name, where.owner};
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (!facts[i].has_value()) continue;
    leaf.searched[i] = table_.texts(*facts[i]);
    if (leaf.searched[i] == nullptr) continue;
    leaf.found[i] = MatchingCodes(leaf.searched[i]->dictionary, [&](const std::string& text) {
      return ContainsIgnoringCase(text, search.lower);
    });
  }
  if (where.tags.has_value()) leaf.sets = table_.sets(*where.tags);
  if (leaf.sets != nullptr) leaf.code = leaf.sets->dictionary.Find(search.text);
  return leaf;
}

}  // namespace perennial::filter
