#include "segment-svc/score_follower.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"

namespace perennial::segments {
namespace {

constexpr std::chrono::seconds kRulesDeadline{5};

std::string NameOf(std::size_t feed) { return feed == 0 ? "scores" : absl::StrCat("scores ", feed); }

}  // namespace

ScoreFollower::ScoreFollower(SegmentEngine& engine, const std::shared_ptr<grpc::Channel>& health, std::size_t feed)
    : engine_(engine),
      feed_(feed),
      scores_(perennial::health::v1::HealthScoreService::NewStub(health)),
      flags_(perennial::health::v1::FlagService::NewStub(health)),
      follower_(
          NameOf(feed), [this](grpc::ClientContext* context) { return Open(context); },
          [this](const auto& message) { return Apply(message); },
          [this](const absl::Status& status) {
            // Scores can be computed anew, so that health-svc may have lost or been given an empty database.
            if (absl::IsOutOfRange(status)) engine_.RewindScores(feed_);
          }) {}

std::unique_ptr<grpc::ClientReader<perennial::health::v1::WatchHealthScoresResponse>> ScoreFollower::Open(
    grpc::ClientContext* context) {
  // A health-svc that was restarted may have other rules.
  rules_known_ = false;
  perennial::health::v1::WatchHealthScoresRequest request;
  request.set_start_revision(engine_.scores_resume(feed_));
  request.set_feed_id(engine_.scores_feed_id(feed_));
  request.set_replica_only(true);
  return scores_->WatchHealthScores(context, request);
}

absl::Status ScoreFollower::Apply(const perennial::health::v1::WatchHealthScoresResponse& message) {
  // Before the first score, so that a filter can read a flag that nobody has raised yet; and again for a rule that is
  // new.
  const auto raises_new = [this](const auto& update) {
    const auto& raised = update.health_score().open_flags();
    return std::any_of(raised.begin(), raised.end(), [this](const auto& rule) { return !rules_.contains(rule); });
  };
  if (!rules_known_ || std::any_of(message.updates().begin(), message.updates().end(), raises_new)) {
    PERENNIAL_RETURN_IF_ERROR(LearnFlagRules());
    // One that is raised and listed no more has just been deleted.
    for (const auto& update : message.updates()) {
      rules_.insert(update.health_score().open_flags().begin(), update.health_score().open_flags().end());
    }
  }
  rules_known_ = true;
  return engine_.Apply(message, feed_);
}

absl::Status ScoreFollower::LearnFlagRules() {
  std::vector<std::string> rules;
  std::set<std::string> opportunities;
  perennial::health::v1::ListFlagRulesRequest request;
  request.set_page_size(1000);
  do {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kRulesDeadline);
    perennial::health::v1::ListFlagRulesResponse response;
    PERENNIAL_RETURN_IF_ERROR(FromGrpcStatus(flags_->ListFlagRules(&context, request, &response)));
    for (const auto& rule : response.rules()) {
      rules.push_back(rule.id());
      if (rule.category() == perennial::health::v1::FLAG_CATEGORY_OPPORTUNITY) opportunities.insert(rule.id());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  rules_ = {rules.begin(), rules.end()};
  return engine_.KnowFlagRules(rules, std::move(opportunities));
}

}  // namespace perennial::segments
