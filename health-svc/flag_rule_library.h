#pragma once

#include "absl/status/statusor.h"
#include "health-svc/configurator.h"
#include "health-svc/portfolio.h"
#include "perennial/health/v1/flag_service.pb.h"

namespace perennial::health {

// Answers what FlagService says of rules. No gRPC here; safe for many threads; blocks on the store.
class FlagRuleLibrary {
 public:
  // Both must outlive this.
  FlagRuleLibrary(Configurator& configurator, const Portfolio& portfolio)
      : configurator_(configurator), portfolio_(portfolio) {}

  absl::StatusOr<v1::CreateFlagRuleResponse> Create(const v1::CreateFlagRuleRequest& request);
  absl::StatusOr<v1::GetFlagRuleResponse> Get(const v1::GetFlagRuleRequest& request);
  absl::StatusOr<v1::ListFlagRulesResponse> List(const v1::ListFlagRulesRequest& request);
  absl::StatusOr<v1::UpdateFlagRuleResponse> Update(const v1::UpdateFlagRuleRequest& request);
  absl::StatusOr<v1::DeleteFlagRuleResponse> Delete(const v1::DeleteFlagRuleRequest& request);

 private:
  absl::Status Check(const v1::FlagRule& rule, BadRequest& bad) const;

  Configurator& configurator_;
  const Portfolio& portfolio_;
};

}  // namespace perennial::health
