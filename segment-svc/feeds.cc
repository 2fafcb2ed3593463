#include "segment-svc/feeds.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/money.h"
#include "common/base/status_macros.h"

namespace perennial::segments {

Feeds::Feeds(SegmentEngine& engine, std::string currency, const std::shared_ptr<grpc::Channel>& accounts,
             const std::vector<std::shared_ptr<grpc::Channel>>& health, Freshness* freshness)
    : engine_(engine),
      currency_(std::move(currency)),
      freshness_(freshness),
      facts_(perennial::accounts::v1::FactService::NewStub(accounts)),
      follow_facts_(
          "facts", [this](grpc::ClientContext* context) { return OpenFacts(context); },
          [this](const auto& message) {
            PERENNIAL_RETURN_IF_ERROR(CheckCurrency(message));
            const absl::Status applied = engine_.Apply(message);
            if (applied.ok() && freshness_ != nullptr) freshness_->Applied(message);
            return applied;
          },
          [this](const absl::Status& status) {
            // Another database, or an earlier state of it: a backup was restored.
            if (absl::IsOutOfRange(status)) engine_.RewindFacts();
          }) {
  for (std::size_t feed = 0; feed < health.size(); ++feed) {
    follow_scores_.push_back(std::make_unique<ScoreFollower>(engine, health[feed], feed));
    follow_values_.push_back(std::make_unique<ValueFollower>(engine, health[feed], feed));
  }
}

absl::Status Feeds::CheckCurrency(const perennial::accounts::v1::WatchFactsResponse& message) const {
  for (const auto& definition : message.definitions()) {
    // "USD per month"
    const std::string unit = definition.unit().substr(0, 3);
    if (definition.name() != "mrr" || !IsCurrencyCode(unit) || unit == currency_) continue;
    return absl::FailedPreconditionError(absl::StrCat("accounts-svc reports in ", unit, " and this service in ", currency_,
                                                      ": start both with the same --reporting_currency"));
  }
  return absl::OkStatus();
}

std::unique_ptr<grpc::ClientReader<perennial::accounts::v1::WatchFactsResponse>> Feeds::OpenFacts(
    grpc::ClientContext* context) {
  perennial::accounts::v1::WatchFactsRequest request;
  request.set_start_revision(engine_.facts_resume());
  request.set_feed_id(engine_.facts_feed_id());
  if (freshness_ != nullptr) freshness_->Opened(request.start_revision());
  return facts_->WatchFacts(context, request);
}

void Feeds::Measure(MetricsScope& metrics) {
  const auto lag = [&](const std::string& feed, Metrics::Read read) {
    metrics.GaugeFrom("perennial_feed_lag_seconds",
                      "How long ago all that a feed told had been applied, by feed; 0 while it is.", {{"feed", feed}},
                      std::move(read));
  };
  lag("facts", [this] { return follow_facts_.lag_seconds(); });
  for (std::size_t feed = 0; feed < follow_scores_.size(); ++feed) {
    const std::string shard = feed == 0 ? "" : absl::StrCat(" ", feed);
    lag(absl::StrCat("scores", shard), [this, feed] { return follow_scores_[feed]->lag_seconds(); });
    lag(absl::StrCat("values", shard), [this, feed] { return follow_values_[feed]->lag_seconds(); });
  }
}

}  // namespace perennial::segments
