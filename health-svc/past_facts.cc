#include "health-svc/past_facts.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/server/grpc_status.h"

namespace perennial::health {

namespace accounts_v1 = perennial::accounts::v1;

absl::StatusOr<accounts_v1::GetFactsResponse> PastFacts::Get(const std::string& account,
                                                             std::optional<absl::Time> as_of, Deadline deadline) const {
  grpc::ClientContext context;
  context.set_deadline(deadline);
  accounts_v1::GetFactsRequest request;
  request.set_name(absl::StrCat("accounts/", account));
  if (as_of.has_value()) SetTimestamp(*as_of, request.mutable_as_of());
  accounts_v1::GetFactsResponse response;
  PERENNIAL_RETURN_IF_ERROR(FromGrpcStatus(facts_->GetFacts(&context, request, &response)));
  return response;
}

absl::StatusOr<std::optional<absl::Time>> PastFacts::ChurnedAt(const std::string& account, absl::Time as_of,
                                                               Deadline deadline) const {
  grpc::ClientContext context;
  context.set_deadline(deadline);
  accounts_v1::ListPhaseChangesRequest request;
  request.set_parent(absl::StrCat("accounts/", account));
  accounts_v1::ListPhaseChangesResponse response;
  PERENNIAL_RETURN_IF_ERROR(FromGrpcStatus(accounts_->ListPhaseChanges(&context, request, &response)));
  std::optional<absl::Time> churned;
  for (const accounts_v1::PhaseChange& change : response.phase_changes()) {
    const absl::Time time = ToTime(change.enter_time());
    if (change.phase() != accounts_v1::LIFECYCLE_PHASE_CHURNED || time > as_of) continue;
    if (!churned.has_value() || time > *churned) churned = time;
  }
  return churned;
}

}  // namespace perennial::health
