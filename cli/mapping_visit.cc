#include "cli/mapping_visit.h"

namespace perennial::cli {
namespace {

using ExpressionVisitor = std::function<void(Expression*)>;
using LookupVisitor = std::function<void(Lookup*)>;

void Visit(Condition* root, const ExpressionVisitor& visit, const LookupVisitor& visit_lookup);

void Visit(Expression* root, const ExpressionVisitor& visit, const LookupVisitor& visit_lookup) {
  if (visit) visit(root);
  for (Expression& option : root->options) Visit(&option, visit, visit_lookup);
  for (TimeShift& shift : root->shifts) Visit(shift.amount.get(), visit, visit_lookup);
  if (root->lookup) {
    if (visit_lookup) visit_lookup(&*root->lookup);
    Visit(root->lookup->key.get(), visit, visit_lookup);
  }
  if (root->when) Visit(root->when.get(), visit, visit_lookup);
}

void Visit(Condition* root, const ExpressionVisitor& visit, const LookupVisitor& visit_lookup) {
  for (Condition& part : root->parts) Visit(&part, visit, visit_lookup);
  if (root->left) Visit(root->left.get(), visit, visit_lookup);
  if (root->right) Visit(root->right.get(), visit, visit_lookup);
  if (root->lookup) {
    if (visit_lookup) visit_lookup(&*root->lookup);
    Visit(root->lookup->key.get(), visit, visit_lookup);
  }
}

}  // namespace

void VisitExpressions(Expression* root, const ExpressionVisitor& visit) { Visit(root, visit, nullptr); }

void VisitExpressions(Condition* root, const ExpressionVisitor& visit, const LookupVisitor& visit_lookup) {
  Visit(root, visit, visit_lookup);
}

void VisitFile(FileMapping* file, const ExpressionVisitor& visit, const LookupVisitor& visit_lookup) {
  for (SkipRule& rule : file->skip) Visit(&rule.when, visit, visit_lookup);
  for (RecordMapping& record : file->records) {
    for (std::optional<Expression>* part :
         {&record.account, &record.time, &record.subscription, &record.id, &record.once_per}) {
      if (*part) Visit(&**part, visit, visit_lookup);
    }
    if (record.when) Visit(record.when.get(), visit, visit_lookup);
    for (auto& field : record.fields) Visit(&field.value, visit, visit_lookup);
    for (auto& attribute : record.attributes) Visit(&attribute.value, visit, visit_lookup);
  }
  for (Check& check : file->checks) {
    Visit(&check.when, visit, visit_lookup);
    Visit(&check.example, visit, visit_lookup);
  }
}

}  // namespace perennial::cli
