#include "common/filter/program_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/filter/name_hints.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

using facts::FactId;

constexpr std::size_t kMaxWarnings = 16;

}  // namespace

absl::Status ProgramBuilder::Error(std::size_t offset, absl::string_view problem, absl::string_view hint) const {
  return ErrorAt(source_, offset, problem, hint);
}

absl::Status ProgramBuilder::UnknownFact(const Value& name, absl::string_view otherwise) const {
  return Error(name.offset, absl::StrCat("unknown fact ", Shown(name.text)),
               DidYouMean(NearestFact(name.text, catalogue_), otherwise));
}

void ProgramBuilder::Warn(std::size_t offset, absl::string_view problem, absl::string_view hint) {
  if (program_.warnings.size() >= kMaxWarnings) return;
  program_.warnings.push_back(absl::StrCat(problem, " at ", PositionOf(source_, offset), "; ", hint));
}

void ProgramBuilder::Add(Node node) {
  node.end = static_cast<std::uint32_t>(program_.nodes.size() + 1);
  program_.nodes.push_back(node);
}

void ProgramBuilder::AddFact(NodeKind kind, FactId fact, Comparator comparator, double number, std::size_t operand) {
  facts_.insert(fact);
  Add({.kind = kind,
       .comparator = comparator == Comparator::kHas ? Comparator::kEqual : comparator,
       .type = catalogue_.Get(fact).type,
       .fact = fact,
       .operand = static_cast<std::uint32_t>(operand),
       .number = number});
}

std::size_t ProgramBuilder::Open(NodeKind kind) {
  Add({.kind = kind});
  return program_.nodes.size() - 1;
}

void ProgramBuilder::Close(std::size_t node) {
  program_.nodes[node].end = static_cast<std::uint32_t>(program_.nodes.size());
}

void ProgramBuilder::AddEverything() { Add({.kind = NodeKind::kEverything}); }

void ProgramBuilder::AddNumber(FactId fact, Comparator comparator, double number) {
  AddFact(NodeKind::kNumber, fact, comparator, number);
}

void ProgramBuilder::AddClock(FactId fact, Comparator comparator, double days) {
  program_.reads_clock = true;
  AddFact(NodeKind::kClock, fact, comparator, days);
}

void ProgramBuilder::AddChange(FactId fact, FactId since, double days) {
  if (catalogue_.Get(since).type == facts::FactType::kTime) program_.reads_clock = true;
  facts_.insert(fact);
  AddFact(NodeKind::kChanged, since, Comparator::kEqual, days, fact);
}

void ProgramBuilder::AddText(FactId fact, Comparator comparator, const Value& text) {
  AddFact(NodeKind::kText, fact, comparator, 0, AddPattern(text));
}

void ProgramBuilder::AddElement(FactId fact, const Value& text) {
  AddFact(NodeKind::kElement, fact, Comparator::kEqual, 0, AddPattern(text));
}

void ProgramBuilder::AddPresence(FactId fact) {
  const bool set = catalogue_.Get(fact).type == facts::FactType::kStringSet;
  AddFact(set ? NodeKind::kAny : NodeKind::kKnown, fact);
}

void ProgramBuilder::AddSearch(absl::string_view text, const SearchedFacts& where) {
  program_.searched = where;
  for (const auto& fact : {where.name, where.owner, where.tags}) {
    if (fact.has_value()) facts_.insert(*fact);
  }
  Add({.kind = NodeKind::kSearch, .operand = static_cast<std::uint32_t>(program_.searches.size())});
  program_.searches.push_back({.text = std::string(text), .lower = absl::AsciiStrToLower(text)});
}

void ProgramBuilder::AddSegment(const std::string& id) {
  auto& segments = program_.segments;
  const auto found = std::find(segments.begin(), segments.end(), id);
  Add({.kind = NodeKind::kSegment, .operand = static_cast<std::uint32_t>(found - segments.begin())});
  if (found == segments.end()) segments.push_back(id);
}

std::size_t ProgramBuilder::AddPattern(const Value& value) {
  Pattern pattern{.text = value.text, .any_before = value.star_front, .any_after = value.star_back};
  if (pattern.any_before) pattern.text.erase(0, 1);
  if (pattern.any_after && !pattern.text.empty()) pattern.text.pop_back();
  if (pattern.text.empty() && !pattern.exact()) pattern.any_before = pattern.any_after = true;
  if (value.stars > (value.star_front ? 1 : 0) + (value.star_back ? 1 : 0)) {
    Warn(value.offset, absl::StrCat("a '*' inside ", Shown(value.text), " stands for itself"),
         R"(it is a wildcard only at the ends of a text; "\*" says that it is meant)");
  }
  program_.patterns.push_back(std::move(pattern));
  return program_.patterns.size() - 1;
}

Program ProgramBuilder::Finish() {
  for (const FactId fact : facts_) {
    program_.facts.push_back(fact);
    program_.fact_names.push_back(catalogue_.Get(fact).name);
  }
  std::sort(program_.fact_names.begin(), program_.fact_names.end());
  const std::vector<std::string> unsorted = program_.segments;
  std::sort(program_.segments.begin(), program_.segments.end());
  for (Node& node : program_.nodes) {
    if (node.kind != NodeKind::kSegment) continue;
    const auto at = std::lower_bound(program_.segments.begin(), program_.segments.end(), unsorted[node.operand]);
    node.operand = static_cast<std::uint32_t>(at - program_.segments.begin());
  }
  return std::move(program_);
}

}  // namespace perennial::filter
