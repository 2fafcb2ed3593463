#include "cli/flag_rules.h"

#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

using perennial::health::v1::FlagCategory;
using perennial::health::v1::FlagService;
using perennial::health::v1::FlagSeverity;

Style StyleOf(FlagSeverity severity, FlagCategory category) {
  if (category == FlagCategory::FLAG_CATEGORY_OPPORTUNITY) return Style::kGreen;
  if (severity == FlagSeverity::FLAG_SEVERITY_HIGH) return Style::kRed;
  if (severity == FlagSeverity::FLAG_SEVERITY_MEDIUM) return Style::kYellow;
  return Style::kDim;
}

}  // namespace

absl::StatusOr<FlagRules> ReadFlagRules(const Client& client) {
  FlagRules rules;
  perennial::health::v1::ListFlagRulesRequest request;
  request.set_page_size(1000);
  do {
    PERENNIAL_ASSIGN_OR_RETURN(
        auto page, client.Call(client.flags, &FlagService::Stub::ListFlagRules, request, "read the flag rules"));
    for (auto& rule : *page.mutable_rules()) {
      std::string id = rule.id();
      rules[std::move(id)] = std::move(rule);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return rules;
}

Text FlagSign(FlagSeverity severity, FlagCategory category) {
  return {category == FlagCategory::FLAG_CATEGORY_OPPORTUNITY ? "▲" : "⚑", StyleOf(severity, category)};
}

Text FlagName(const FlagRules& rules, const std::string& id) {
  const auto found = rules.find(id);
  if (found == rules.end()) return Text("⚑ ").Add(id);
  const auto& rule = found->second;
  return FlagSign(rule.severity(), rule.category())
      .Add(" ")
      .Add(rule.display_name().empty() ? id : rule.display_name());
}

}  // namespace perennial::cli
