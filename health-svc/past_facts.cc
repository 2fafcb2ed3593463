#include "health-svc/past_facts.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"
#include "common/server/call_metadata.h"
#include "common/server/grpc_status.h"

namespace perennial::health {

namespace accounts_v1 = perennial::accounts::v1;

facts::FactRow ToRow(const accounts_v1::GetFactsResponse& response, const facts::FactCatalogue& catalogue) {
  facts::FactRow row;
  for (const accounts_v1::Fact& fact : response.facts()) {
    const auto id = catalogue.Find(fact.name());
    if (!id.has_value()) continue;
    switch (fact.value_case()) {
      case accounts_v1::Fact::kNumber: row.SetNumber(*id, fact.number()); break;
      case accounts_v1::Fact::kText: row.SetText(*id, fact.text()); break;
      case accounts_v1::Fact::kFlag: row.SetNumber(*id, fact.flag() ? 1 : 0); break;
      case accounts_v1::Fact::kTime:
        row.SetNumber(*id, absl::ToDoubleSeconds(ToTime(fact.time()) - absl::UnixEpoch()));
        break;
      case accounts_v1::Fact::kSet: row.SetSet(*id, {fact.set().values().begin(), fact.set().values().end()}); break;
      case accounts_v1::Fact::VALUE_NOT_SET: break;
    }
  }
  return row;
}

absl::StatusOr<accounts_v1::GetFactsResponse> PastFacts::Get(const std::string& account,
                                                             std::optional<absl::Time> as_of, Deadline deadline) const {
  grpc::ClientContext context;
  context.set_deadline(deadline);
  AddCallMetadata(context);
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
  AddCallMetadata(context);
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

namespace {

// Learns the definitions of a message: `ids` maps the sender's numbers to those of `catalogue`.
absl::Status Learn(const accounts_v1::ExportFactsResponse& message, facts::FactCatalogue& catalogue,
                   std::vector<facts::FactId>& ids) {
  constexpr std::uint32_t kMostFacts = 1'000'000;  // an id past it is nonsense
  for (const accounts_v1::FactDefinition& definition : message.definitions()) {
    if (definition.id() > kMostFacts) return absl::DataLossError("fact id out of range");
    PERENNIAL_ASSIGN_OR_RETURN(facts::FactDefinition fact, facts::FromProto(definition));
    PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId id, catalogue.Add(std::move(fact)));
    if (definition.id() >= ids.size()) ids.resize(definition.id() + 1, facts::kNotAnnounced);
    ids[definition.id()] = id;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status PastFacts::VisitAllAsOf(std::optional<absl::Time> as_of, const std::string& filter,
                                     const MakeContext& make_context, facts::FactCatalogue& catalogue,
                                     const VisitFacts& visit) const {
  const std::unique_ptr<grpc::ClientContext> context = make_context();
  accounts_v1::ExportFactsRequest request;
  if (as_of.has_value()) SetTimestamp(*as_of, request.mutable_as_of());
  request.set_filter(filter);
  const auto stream = facts_->ExportFacts(context.get(), request);
  std::vector<facts::FactId> ids;
  accounts_v1::ExportFactsResponse message;
  absl::Status status;
  while (status.ok() && stream->Read(&message)) {
    status = Learn(message, catalogue, ids);
    for (int i = 0; status.ok() && i < message.rows_size(); ++i) {
      const auto row = facts::Unpack(message.rows(i), ids, catalogue);
      status = row.status();
      if (row.ok()) visit(message.rows(i).account_id(), *row);
    }
  }
  if (!status.ok()) context->TryCancel();
  const grpc::Status ended = stream->Finish();
  return status.ok() ? FromGrpcStatus(ended) : status;
}

absl::Status PastFacts::VisitChurns(absl::Time start, absl::Time end, const MakeContext& make_context,
                                    const VisitChurn& visit) const {
  accounts_v1::ListRevenueMovementsRequest request;
  request.set_parent("accounts/-");
  request.set_page_size(1000);
  SetTimestamp(start, request.mutable_start_time());
  SetTimestamp(end, request.mutable_end_time());
  do {
    const std::unique_ptr<grpc::ClientContext> context = make_context();
    accounts_v1::ListRevenueMovementsResponse page;
    PERENNIAL_RETURN_IF_ERROR(FromGrpcStatus(subscriptions_->ListRevenueMovements(context.get(), request, &page)));
    for (const accounts_v1::RevenueMovement& movement : page.movements()) {
      if (movement.kind() != accounts_v1::MOVEMENT_KIND_CHURN) continue;
      visit(movement.account().substr(std::string("accounts/").size()), ToTime(movement.effective_time()));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return absl::OkStatus();
}

}  // namespace perennial::health
