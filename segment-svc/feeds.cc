#include "segment-svc/feeds.h"

namespace perennial::segments {

Feeds::Feeds(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& accounts,
             const std::vector<std::shared_ptr<grpc::Channel>>& health)
    : engine_(engine),
      facts_(perennial::accounts::v1::FactService::NewStub(accounts)),
      follow_facts_(
          "facts", [this](grpc::ClientContext* context) { return OpenFacts(context); },
          [this](const auto& message) { return engine_.Apply(message); },
          [this](const absl::Status& status) {
            // Another database, or an earlier state of it: a backup was restored.
            if (absl::IsOutOfRange(status)) engine_.RewindFacts();
          }) {
  for (std::size_t feed = 0; feed < health.size(); ++feed) {
    follow_scores_.push_back(std::make_unique<ScoreFollower>(engine, health[feed], feed));
    follow_values_.push_back(std::make_unique<ValueFollower>(engine, health[feed], feed));
  }
}

std::unique_ptr<grpc::ClientReader<perennial::accounts::v1::WatchFactsResponse>> Feeds::OpenFacts(
    grpc::ClientContext* context) {
  perennial::accounts::v1::WatchFactsRequest request;
  request.set_start_revision(engine_.facts_resume());
  request.set_feed_id(engine_.facts_feed_id());
  return facts_->WatchFacts(context, request);
}

}  // namespace perennial::segments
