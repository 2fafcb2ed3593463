#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/filter/program.h"
#include "common/filter/syntax_tree.h"

namespace perennial::filter {

// Takes the nodes of a program in preorder while its filter is checked, and says where something is wrong with it.
class ProgramBuilder {
 public:
  // Both must outlive this.
  ProgramBuilder(absl::string_view source, const facts::FactCatalogue& catalogue)
      : source_(source), catalogue_(catalogue) {}

  [[nodiscard]] const facts::FactCatalogue& catalogue() const { return catalogue_; }
  [[nodiscard]] absl::Status Error(std::size_t offset, absl::string_view problem, absl::string_view hint = "") const;
  // INVALID_ARGUMENT for a name that is no fact's, with the one that was probably meant, or else `otherwise`, as hint.
  [[nodiscard]] absl::Status UnknownFact(const Value& name, absl::string_view otherwise = "") const;
  void Warn(std::size_t offset, absl::string_view problem, absl::string_view hint);

  // Starts an AND, OR or NOT: its children are added next, then Close(its index) ends it.
  std::size_t Open(NodeKind kind);
  void Close(std::size_t node);

  void AddEverything();
  // `fact` compared with `number`; kHas means equal.
  void AddNumber(facts::FactId fact, Comparator comparator, double number);
  // `fact` compared with so many days before now.
  void AddClock(facts::FactId fact, Comparator comparator, double days);
  // `fact` has had its value for less than so many days, as `since` tells.
  void AddChange(facts::FactId fact, facts::FactId since, double days);
  // `fact`, a string, compared with `text` and its wildcards.
  void AddText(facts::FactId fact, Comparator comparator, const Value& text);
  // `fact`, a set, has an element `text`.
  void AddElement(facts::FactId fact, const Value& text);
  // `fact` is known, or for a set: has an element.
  void AddPresence(facts::FactId fact);
  void AddSearch(absl::string_view text, const SearchedFacts& where);
  void AddSegment(const std::string& id);
  // Texts that are searched for so far.
  [[nodiscard]] std::size_t search_count() const { return program_.searches.size(); }

  // The program; the builder is of no more use.
  Program Finish();

 private:
  void Add(Node node);
  void AddFact(NodeKind kind, facts::FactId fact, Comparator comparator = Comparator::kEqual, double number = 0,
               std::size_t operand = 0);
  std::size_t AddPattern(const Value& value);

  const absl::string_view source_;
  const facts::FactCatalogue& catalogue_;
  Program program_;
  std::set<facts::FactId> facts_;
};

}  // namespace perennial::filter
