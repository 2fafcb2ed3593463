#include "segment-svc/feeds.h"

#include <chrono>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"

namespace perennial::segments {
namespace {
constexpr std::chrono::seconds kRulesDeadline{5};
}

Feeds::Feeds(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& accounts,
             const std::shared_ptr<grpc::Channel>& health)
    : engine_(engine),
      facts_(perennial::accounts::v1::FactService::NewStub(accounts)),
      scores_(perennial::health::v1::HealthScoreService::NewStub(health)),
      flags_(perennial::health::v1::FlagService::NewStub(health)),
      follow_facts_(
          "facts", [this](grpc::ClientContext* context) { return OpenFacts(context); },
          [this](const auto& message) { return engine_.Apply(message); },
          [this](const absl::Status& status) {
            // Another database, or an earlier state of it: a backup was restored.
            if (absl::IsOutOfRange(status)) engine_.RewindFacts();
          }),
      follow_scores_(
          "scores", [this](grpc::ClientContext* context) { return OpenScores(context); },
          [this](const auto& message) { return ApplyScores(message); },
          [this](const absl::Status& status) {
            // Scores can be computed anew, so that health-svc may have lost or been given an empty database.
            if (absl::IsOutOfRange(status)) engine_.RewindScores();
          }) {}

std::unique_ptr<grpc::ClientReader<perennial::accounts::v1::WatchFactsResponse>> Feeds::OpenFacts(
    grpc::ClientContext* context) {
  perennial::accounts::v1::WatchFactsRequest request;
  request.set_start_revision(engine_.facts_resume());
  request.set_feed_id(engine_.facts_feed_id());
  return facts_->WatchFacts(context, request);
}

std::unique_ptr<grpc::ClientReader<perennial::health::v1::WatchHealthScoresResponse>> Feeds::OpenScores(
    grpc::ClientContext* context) {
  // A health-svc that was restarted may have other rules.
  rules_known_ = false;
  perennial::health::v1::WatchHealthScoresRequest request;
  request.set_start_revision(engine_.scores_resume());
  request.set_feed_id(engine_.scores_feed_id());
  return scores_->WatchHealthScores(context, request);
}

absl::Status Feeds::ApplyScores(const perennial::health::v1::WatchHealthScoresResponse& message) {
  // Before the first score, so that a filter can read a flag that nobody has raised yet.
  if (!rules_known_) PERENNIAL_RETURN_IF_ERROR(LearnFlagRules());
  rules_known_ = true;
  return engine_.Apply(message);
}

absl::Status Feeds::LearnFlagRules() {
  std::vector<std::string> rules;
  perennial::health::v1::ListFlagRulesRequest request;
  request.set_page_size(1000);
  do {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kRulesDeadline);
    perennial::health::v1::ListFlagRulesResponse response;
    PERENNIAL_RETURN_IF_ERROR(FromGrpcStatus(flags_->ListFlagRules(&context, request, &response)));
    for (const auto& rule : response.rules()) rules.push_back(rule.id());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return engine_.KnowFlagRules(rules);
}

}  // namespace perennial::segments
