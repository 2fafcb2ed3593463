#include "gateway/identity/role.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perennial::gateway {
namespace {

struct Word {
  absl::string_view prefix;
  Priority priority;
};

// Methods that begin so change nothing.
constexpr Word kReadingWords[] = {
    {"Get", Priority::kRead},      {"BatchGet", Priority::kRead}, {"Explain", Priority::kRead},
    {"Validate", Priority::kRead}, {"Project", Priority::kRead},  {"Watch", Priority::kRead},
    {"Diff", Priority::kRead},     {"List", Priority::kBulk},     {"Preview", Priority::kBulk},
    {"Export", Priority::kBulk},   {"Simulate", Priority::kBulk}, {"Backtest", Priority::kBulk},
};

// Services, and methods of the others, that change how things are computed or reach everything.
constexpr absl::string_view kOperatorsServices[] = {
    "perennial.accounts.v1.BackupService",
    "perennial.health.v1.BackupService",
    "perennial.segments.v1.BackupService",
};
constexpr absl::string_view kOperatorsMethods[] = {
    "perennial.accounts.v1.AccountService/PurgeAccount",
    "perennial.accounts.v1.AuditService/ListAuditEntries",
    "perennial.accounts.v1.ExchangeRateService/SetExchangeRate",
    "perennial.accounts.v1.ExchangeRateService/DeleteExchangeRate",
    "perennial.accounts.v1.LifecycleService/UpdateLifecycleRules",
    "perennial.accounts.v1.RecordService/ExportRecords",
    "perennial.accounts.v1.RecordService/DeleteRecord",
    "perennial.health.v1.FlagService/CreateFlagRule",
    "perennial.health.v1.FlagService/UpdateFlagRule",
    "perennial.health.v1.FlagService/DeleteFlagRule",
    "perennial.health.v1.ScorecardService/CreateScorecard",
    "perennial.health.v1.ScorecardService/UpdateScorecard",
    "perennial.health.v1.ScorecardService/DeleteScorecard",
    "perennial.health.v1.ScorecardService/CalibrateScorecard",
    "perennial.health.v1.ValueService/FitRetentionModel",
    "perennial.health.v1.ValueService/FitPurchaseModel",
    "perennial.health.v1.ValueService/FitChurnModel",
    "perennial.health.v1.ValueService/DeleteValueModel",
    "perennial.health.v1.ValueService/UpdateValueSettings",
    "perennial.segments.v1.EngagementService/CreateEngagementModel",
    "perennial.segments.v1.EngagementService/UpdateEngagementModel",
    "perennial.segments.v1.EngagementService/DeleteEngagementModel",
};

constexpr absl::string_view kInternalMethods[] = {
    "perennial.accounts.v1.AuditService/WriteAuditEntries",
    "perennial.health.v1.ReplicaService/WatchConfiguration",
    "perennial.health.v1.ReplicaService/ListHierarchyParts",
};

template <std::size_t N>
bool Has(const absl::string_view (&names)[N], absl::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// Whether a method's name begins with a whole word: "GetFacts" does with "Get", "Getter" does not.
bool BeginsWith(absl::string_view method, absl::string_view word) {
  return absl::StartsWith(method, word) && method.size() > word.size() && method[word.size()] >= 'A' &&
         method[word.size()] <= 'Z';
}

}  // namespace

std::optional<Role> RoleOf(absl::string_view name) {
  for (const Role role : {Role::kViewer, Role::kEditor, Role::kOperator}) {
    if (NameOf(role) == name) return role;
  }
  return std::nullopt;
}

absl::string_view NameOf(Role role) {
  switch (role) {
    case Role::kNone: return "none";
    case Role::kViewer: return "viewer";
    case Role::kEditor: return "editor";
    case Role::kOperator: return "operator";
  }
  return "none";
}

MethodPolicy PolicyOf(absl::string_view service, absl::string_view method) {
  MethodPolicy policy;
  for (const Word& word : kReadingWords) {
    if (BeginsWith(method, word.prefix)) policy = {.role = Role::kViewer, .priority = word.priority, .reads = true};
  }
  const std::string path = absl::StrCat(service, "/", method);
  if (Has(kOperatorsServices, service) || Has(kOperatorsMethods, path)) policy.role = Role::kOperator;
  policy.internal = Has(kInternalMethods, path);
  return policy;
}

}  // namespace perennial::gateway
