#include "common/filter/filter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/filter/checker.h"
#include "common/filter/column_evaluator.h"
#include "common/filter/parser.h"
#include "common/filter/printer.h"
#include "common/filter/row_evaluator.h"

namespace perennial::filter {

struct Filter::Compiled {
  Program program;
  std::string canonical;
};

absl::StatusOr<Filter> Filter::Compile(absl::string_view text, const facts::FactCatalogue& catalogue,
                                       const CompileOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(SyntaxTree tree, Parse(text));
  auto compiled = std::make_shared<Compiled>();
  PERENNIAL_ASSIGN_OR_RETURN(compiled->program, Check(text, std::move(tree), catalogue, options));
  Printed printed = Print(compiled->program, catalogue);
  // The canonical form must itself be a filter within the bounds.
  if (printed.text.size() > kMaxLength) {
    return absl::InvalidArgumentError(absl::StrCat("is too long: ", printed.text.size(),
                                                   " bytes in canonical form where ", kMaxLength, " are allowed"));
  }
  if (printed.depth > kMaxDepth) {
    return absl::InvalidArgumentError(absl::StrCat("is nested too deep: ", printed.depth,
                                                   " levels in canonical form where ", kMaxDepth, " are allowed"));
  }
  compiled->canonical = std::move(printed.text);
  return Filter(std::move(compiled));
}

Truth Filter::Evaluate(const facts::RowReader& row, const EvaluationContext& context) const {
  return EvaluateRow(compiled_->program, row, context);
}

facts::Bitmap Filter::EvaluateAll(const facts::FactTable& table, const EvaluationContext& context) const {
  return EvaluateRows(table, context, 0, static_cast<facts::RowId>(table.row_count()));
}

std::vector<facts::Bitmap> Filter::EvaluateAll(const std::vector<const Filter*>& filters, const facts::FactTable& table,
                                               const EvaluationContext& context) {
  std::vector<const Program*> programs;
  programs.reserve(filters.size());
  for (const Filter* filter : filters) programs.push_back(&filter->compiled_->program);
  return EvaluateColumns(programs, table, context, 0, table.row_count());
}

facts::Bitmap Filter::EvaluateRows(const facts::FactTable& table, const EvaluationContext& context, facts::RowId first,
                                   facts::RowId end) const {
  return std::move(EvaluateColumns({&compiled_->program}, table, context, first, end)[0]);
}

const std::string& Filter::canonical() const { return compiled_->canonical; }
const std::vector<std::string>& Filter::warnings() const { return compiled_->program.warnings; }
const std::vector<facts::FactId>& Filter::facts() const { return compiled_->program.facts; }
const std::vector<std::string>& Filter::fact_names() const { return compiled_->program.fact_names; }
std::optional<std::vector<double>> Filter::Thresholds(facts::FactId fact) const {
  const Program& program = compiled_->program;
  std::vector<double> thresholds;
  for (const Node& node : program.nodes) {
    switch (node.kind) {
      case NodeKind::kNumber:
        if (node.fact == fact) thresholds.push_back(node.number);
        break;
      case NodeKind::kChanged:
        if (node.fact == fact || node.operand == fact) return std::nullopt;
        break;
      case NodeKind::kClock:
      case NodeKind::kText:
      case NodeKind::kElement:
      case NodeKind::kAny:
        if (node.fact == fact) return std::nullopt;
        break;
      case NodeKind::kSearch: {
        const SearchedFacts& at = program.searched;
        if (at.name == fact || at.owner == fact || at.tags == fact) return std::nullopt;
        break;
      }
      case NodeKind::kKnown:    // stays known
      case NodeKind::kSegment:  // reads no fact
      case NodeKind::kEverything:
      case NodeKind::kAnd:
      case NodeKind::kOr:
      case NodeKind::kNot: break;
    }
  }
  std::sort(thresholds.begin(), thresholds.end());
  thresholds.erase(std::unique(thresholds.begin(), thresholds.end()), thresholds.end());
  return thresholds;
}

const std::vector<std::string>& Filter::segments() const { return compiled_->program.segments; }
bool Filter::reads_clock() const { return compiled_->program.reads_clock; }

}  // namespace perennial::filter
