#include "health-svc/rules/live_filter.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/filter/parser.h"

namespace perennial::health {
namespace {

absl::Status CheckValue(const filter::Value& value, const std::vector<absl::string_view>& forbidden) {
  if (value.form == filter::Value::Form::kWord) {
    for (const absl::string_view prefix : forbidden) {
      if (absl::StartsWith(value.text, prefix)) {
        return absl::InvalidArgumentError(
            absl::StrCat("must not read '", value.text, "': facts under '", prefix, "' depend on this"));
      }
    }
  }
  for (const filter::Value& argument : value.arguments) PERENNIAL_RETURN_IF_ERROR(CheckValue(argument, forbidden));
  return absl::OkStatus();
}

absl::Status CheckNames(const filter::Expression& expression, const std::vector<absl::string_view>& forbidden) {
  for (const filter::Expression& child : expression.children) PERENNIAL_RETURN_IF_ERROR(CheckNames(child, forbidden));
  // Only the left side names facts.
  return expression.kind == filter::Expression::Kind::kRestriction ? CheckValue(expression.left, forbidden)
                                                                   : absl::OkStatus();
}

// The catalogue holds facts of our own from the start; complaining makes sense only once it holds those of the
// accounts.
bool HasAccountFacts(const facts::FactCatalogue& catalogue) { return catalogue.Find("phase").has_value(); }

}  // namespace

absl::Status LiveFilter::CheckText(absl::string_view text, const std::vector<absl::string_view>& forbidden) {
  PERENNIAL_ASSIGN_OR_RETURN(const filter::SyntaxTree tree, filter::Parse(text));
  return tree.root.has_value() ? CheckNames(*tree.root, forbidden) : absl::OkStatus();
}

bool LiveFilter::Resolve(const facts::FactCatalogue& catalogue) {
  if (compiled_.has_value() || tried_at_ == catalogue.size()) return false;
  tried_at_ = catalogue.size();
  auto compiled = filter::Filter::Compile(text_, catalogue);
  if (compiled.ok()) {
    compiled_ = *std::move(compiled);
    return true;
  }
  if (!complained_ && HasAccountFacts(catalogue)) {
    complained_ = true;
    Log(LogLevel::kWarning, "filter selects nothing until its facts are known",
        {{"of", owner_}, {"filter", text_}, {"problem", std::string(compiled.status().message())}});
  }
  return false;
}

std::vector<facts::FactId> LiveFilter::facts() const {
  return compiled_.has_value() ? compiled_->facts() : std::vector<facts::FactId>();
}

}  // namespace perennial::health
