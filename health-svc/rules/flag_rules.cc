#include "health-svc/rules/flag_rules.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "health-svc/rules/text_config.h"

namespace perennial::health {
namespace {

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void CheckHold(const google::protobuf::Duration& duration, const std::string& field, BadRequest& faults) {
  const absl::Duration hold = ToDuration(duration);
  if (hold < absl::ZeroDuration() || hold > kLongestHold) faults.Add(field, "must lie between 0 and 365 days");
}

}  // namespace

void CheckFlagRule(const v1::FlagRule& rule, const std::string& at, BadRequest& faults) {
  if (rule.filter().empty()) {
    faults.Add(at + ".filter", "is required");
  } else {
    faults.AddIfError(at + ".filter", LiveFilter::CheckText(rule.filter(), {"flags.", "value."}));
  }
  faults.AddIfError(at + ".clear_filter", LiveFilter::CheckText(rule.clear_filter(), {"flags.", "value."}));
  if (rule.severity() == v1::FLAG_SEVERITY_UNSPECIFIED || !v1::FlagSeverity_IsValid(rule.severity())) {
    faults.Add(at + ".severity", "is required");
  }
  if (rule.category() == v1::FLAG_CATEGORY_UNSPECIFIED || !v1::FlagCategory_IsValid(rule.category())) {
    faults.Add(at + ".category", "is required");
  }
  CheckHold(rule.raise_after(), at + ".raise_after", faults);
  CheckHold(rule.clear_after(), at + ".clear_after", faults);
}

bool Holds(const CompiledFlagRule& rule, bool open, const facts::RowReader& row,
           const filter::EvaluationContext& context) {
  if (open && !rule.clear_filter.text().empty()) return !rule.clear_filter.Selects(row, context);
  return rule.filter.Selects(row, context);
}

absl::StatusOr<FlagRules> FlagRules::Compile(const v1::FlagRuleSet& set) {
  BadRequest faults;
  if (set.rules_size() > kMostFlagRules) faults.Add("rules", absl::StrCat("must be at most ", kMostFlagRules));
  absl::flat_hash_set<std::string> ids;
  FlagRules out;
  for (int i = 0; i < set.rules_size(); ++i) {
    const v1::FlagRule& rule = set.rules(i);
    const std::string at = absl::StrCat("rules[", i, "]");
    faults.AddIfError(at + ".id", CheckSlug(rule.id()));
    CheckFlagRule(rule, at, faults);
    if (!ids.insert(rule.id()).second) faults.Add(at + ".id", absl::StrCat("'", rule.id(), "' stands twice"));
    out.rules_.push_back({.config = rule,
                          .filter = LiveFilter(rule.filter(), absl::StrCat("flag rule ", rule.id())),
                          .clear_filter = LiveFilter(rule.clear_filter(), absl::StrCat("flag rule ", rule.id())),
                          .raise_after = ToDuration(rule.raise_after()),
                          .clear_after = ToDuration(rule.clear_after())});
  }
  PERENNIAL_RETURN_IF_ERROR(faults.ToStatus());
  std::sort(out.rules_.begin(), out.rules_.end(),
            [](const CompiledFlagRule& a, const CompiledFlagRule& b) { return a.config.id() < b.config.id(); });
  return out;
}

bool FlagRules::Resolve(const facts::FactCatalogue& catalogue) {
  bool resolved = false;
  for (CompiledFlagRule& rule : rules_) {
    resolved = rule.filter.Resolve(catalogue) || resolved;
    resolved = rule.clear_filter.Resolve(catalogue) || resolved;
  }
  return resolved;
}

std::optional<std::size_t> FlagRules::Find(absl::string_view id) const {
  const auto at = std::lower_bound(
      rules_.begin(), rules_.end(), id,
      [](const CompiledFlagRule& rule, absl::string_view wanted) { return rule.config.id() < wanted; });
  if (at == rules_.end() || at->config.id() != id) return std::nullopt;
  return static_cast<std::size_t>(at - rules_.begin());
}

std::vector<v1::FlagCause> CausesOf(const CompiledFlagRule& rule, const facts::RowReader& row,
                                    const facts::FactCatalogue& catalogue) {
  std::vector<v1::FlagCause> causes;
  for (const facts::FactId fact : rule.filter.facts()) {
    const facts::FactDefinition& definition = catalogue.Get(fact);
    v1::FlagCause cause;
    cause.set_fact(definition.name);
    if (definition.type == facts::FactType::kString) {
      if (const auto text = row.Text(fact)) cause.set_value(std::string(*text));
    } else if (definition.type == facts::FactType::kStringSet) {
      if (row.HasSet(fact)) cause.set_value(facts::ToText(row.Set(fact), definition.type));
    } else if (const auto number = row.Number(fact)) {
      cause.set_value(facts::ToText(*number, definition.type));
    }
    causes.push_back(std::move(cause));
  }
  std::sort(causes.begin(), causes.end(), [](const auto& a, const auto& b) { return a.fact() < b.fact(); });
  return causes;
}

absl::StatusOr<v1::FlagRuleSet> ParseFlagRules(const std::string& text) {
  return ParseTextConfig<v1::FlagRuleSet>(text);
}

}  // namespace perennial::health
