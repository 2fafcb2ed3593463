#include "common/filter/checker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/filter/bare_literal.h"
#include "common/filter/comparison.h"
#include "common/filter/functions.h"
#include "common/filter/name_hints.h"
#include "common/filter/program_builder.h"
#include "common/filter/source_text.h"

namespace perennial::filter {
namespace {

// `attributes:industry` asks whether attributes.industry is known.
absl::Status AddKeyPresence(const Expression& restriction, ProgramBuilder& builder) {
  const Value& group = restriction.left;
  const Value& key = restriction.right;
  if (*restriction.comparator != Comparator::kHas || !IsGroup(group.text, builder.catalogue())) {
    return builder.UnknownFact(group);
  }
  if (key.form == Value::Form::kCall || IsStar(key)) {
    return builder.Error(key.offset, absl::StrCat("expected the name of one fact of ", Shown(group.text)),
                         absl::StrCat("for example ", group.text, ":name"));
  }
  Value name = key;
  name.text = absl::StrCat(group.text, ".", key.text);
  const auto fact = builder.catalogue().Find(name.text);
  if (!fact.has_value()) return builder.UnknownFact(name);
  builder.AddPresence(*fact);
  return absl::OkStatus();
}

absl::Status AddRestriction(const Expression& restriction, const CompileOptions& options, ProgramBuilder& builder) {
  if (restriction.left.form == Value::Form::kCall) return AddCall(restriction, options, builder);
  if (!restriction.comparator.has_value()) return AddBareLiteral(restriction.left, builder);
  const auto fact = builder.catalogue().Find(restriction.left.text);
  return fact.has_value() ? AddComparison(restriction, *fact, builder) : AddKeyPresence(restriction, builder);
}

absl::Status Add(const Expression& expression, const CompileOptions& options, ProgramBuilder& builder) {
  NodeKind kind = NodeKind::kAnd;
  switch (expression.kind) {
    case Expression::Kind::kRestriction: return AddRestriction(expression, options, builder);
    case Expression::Kind::kAnd: kind = NodeKind::kAnd; break;
    case Expression::Kind::kOr: kind = NodeKind::kOr; break;
    case Expression::Kind::kNot: kind = NodeKind::kNot; break;
  }
  const std::size_t node = builder.Open(kind);
  for (const Expression& child : expression.children) PERENNIAL_RETURN_IF_ERROR(Add(child, options, builder));
  builder.Close(node);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Program> Check(absl::string_view source, SyntaxTree tree, const facts::FactCatalogue& catalogue,
                              const CompileOptions& options) {
  ProgramBuilder builder(source, catalogue);
  if (tree.root.has_value()) {
    PERENNIAL_RETURN_IF_ERROR(Add(*tree.root, options, builder));
  } else {
    builder.AddEverything();
  }
  Program program = builder.Finish();
  program.warnings.insert(program.warnings.begin(), std::make_move_iterator(tree.warnings.begin()),
                          std::make_move_iterator(tree.warnings.end()));
  return program;
}

}  // namespace perennial::filter
