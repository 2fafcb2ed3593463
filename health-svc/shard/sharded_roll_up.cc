#include "health-svc/shard/sharded_roll_up.h"

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "health-svc/health_scores.h"
#include "health-svc/request_names.h"
#include "health-svc/roll_up.h"

namespace perennial::health {
namespace {

// Asks all replicas at once, `requests` by shard, and waits until each has answered or failed.
absl::StatusOr<std::vector<v1::ListHierarchyPartsResponse>> AskAll(
    const Shards& shards, const grpc::CallbackServerContext& context,
    const std::vector<v1::ListHierarchyPartsRequest>& requests) {
  Mutex mu;
  std::condition_variable answered;
  int missing = shards.count();
  grpc::Status failed;
  std::vector<v1::ListHierarchyPartsResponse> answers(requests.size());
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  for (int i = 0; i < shards.count(); ++i) contexts.push_back(Shards::MakeContext(&context, kLongestCall));
  for (int i = 0; i < shards.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    shards.replica(i).replicas->async()->ListHierarchyParts(contexts[at].get(), &requests[at], &answers[at],
                                                            [&, i](const grpc::Status& status) {
                                                              const MutexLock lock(mu);
                                                              if (!status.ok()) failed = shards.Explained(i, status);
                                                              if (--missing == 0) answered.notify_all();
                                                            });
  }
  MutexLock lock(mu);
  while (missing > 0) lock.Wait(answered);
  if (!failed.ok()) return FromGrpcStatus(failed);
  return answers;
}

}  // namespace

absl::StatusOr<v1::GetHealthScoreRollUpResponse> RollUpOverShards(const Shards& shards, const Portfolio& portfolio,
                                                                  const grpc::CallbackServerContext& context,
                                                                  const v1::GetHealthScoreRollUpRequest& request) {
  PERENNIAL_RETURN_IF_ERROR(HealthScores::Check(request));
  const std::string top(*AccountOfParent(request.account()));
  std::vector<v1::HierarchyPart> parts;
  absl::flat_hash_set<std::string> seen;
  std::vector<std::string> level = {top};
  std::int64_t facts_revision = std::numeric_limits<std::int64_t>::max();
  while (!level.empty()) {
    v1::ListHierarchyPartsRequest ask;
    ask.mutable_parent_ids()->Add(level.begin(), level.end());
    ask.set_min_facts_revision(request.min_facts_revision());
    std::vector<v1::ListHierarchyPartsRequest> asks(static_cast<std::size_t>(shards.count()), ask);
    if (parts.empty()) asks[static_cast<std::size_t>(shards.ShardOf(top))].add_account_ids(top);
    PERENNIAL_ASSIGN_OR_RETURN(auto answers, AskAll(shards, context, asks));
    level.clear();
    for (std::size_t shard = 0; shard < answers.size(); ++shard) {
      facts_revision = std::min(facts_revision, answers[shard].facts_revision());
      for (v1::HierarchyPart& part : *answers[shard].mutable_parts()) {
        // What a replica still has from when there were fewer of them is another one's to tell.
        if (shards.ShardOf(part.account_id()) != static_cast<int>(shard)) continue;
        if (!seen.insert(part.account_id()).second) continue;
        if (part.account_id() != top) level.push_back(part.account_id());
        parts.push_back(std::move(part));
      }
    }
    if (!seen.contains(top)) return NoSuchAccounts({top});
    if (parts.size() > kMostBelow + 1) return HierarchyTooLarge();
  }
  const auto first =
      std::find_if(parts.begin(), parts.end(), [&](const auto& part) { return part.account_id() == top; });
  v1::GetHealthScoreRollUpResponse response = RollUpOf(parts);
  response.set_facts_revision(facts_revision);
  const ReadLock read(portfolio.lock());
  SetBand(portfolio, first->scorecard_id(), response);
  return response;
}

}  // namespace perennial::health
