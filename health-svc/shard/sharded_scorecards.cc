#include "health-svc/shard/sharded_scorecards.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/money.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "health-svc/shard/gather.h"

namespace perennial::health {
namespace {

// Adds the amount of a part to a sum; the currency is that of whichever has one.
absl::Status AddMoney(const perennial::type::v1::Money& part, perennial::type::v1::Money* sum) {
  PERENNIAL_ASSIGN_OR_RETURN(const Micros more, ParseAmount(part.amount()));
  Micros so_far = 0;
  if (!sum->amount().empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(so_far, ParseAmount(sum->amount()));
  }
  Micros both = 0;
  if (__builtin_add_overflow(so_far, more, &both)) return absl::OutOfRangeError("the sum of MRR is too large");
  sum->set_amount(FormatAmount(both));
  if (sum->currency_code().empty()) sum->set_currency_code(part.currency_code());
  return absl::OkStatus();
}

// Shares or moves of all replicas, added up by what `key` says.
template <class Item, class Key>
absl::Status Add(const google::protobuf::RepeatedPtrField<Item>& items, Key key,
                 std::map<std::pair<std::string, std::string>, Item>& sums) {
  for (const Item& item : items) {
    const auto [found, first] = sums.try_emplace(key(item), item);
    if (first) continue;
    found->second.set_accounts(found->second.accounts() + item.accounts());
    PERENNIAL_RETURN_IF_ERROR(AddMoney(item.mrr(), found->second.mutable_mrr()));
  }
  return absl::OkStatus();
}

double DistanceOf(const v1::SimulatedChange& change) {
  if (!change.has_score_before() || !change.has_score_after()) return std::numeric_limits<double>::infinity();
  return std::abs(change.score_after() - change.score_before());
}

absl::Status Merge(const v1::SimulateScorecardRequest& request, std::vector<v1::SimulateScorecardResponse>& answers,
                   v1::SimulateScorecardResponse* out) {
  PERENNIAL_ASSIGN_OR_RETURN(const int list_size, PageSize(request.list_size(), 20));
  const auto band = [](const v1::BandShare& share) { return std::pair(share.band(), std::string()); };
  const auto bands = [](const v1::BandMove& move) { return std::pair(move.from_band(), move.to_band()); };
  std::map<std::pair<std::string, std::string>, v1::BandShare> before;
  std::map<std::pair<std::string, std::string>, v1::BandShare> after;
  std::map<std::pair<std::string, std::string>, v1::BandMove> moves;
  std::vector<v1::SimulatedChange> changes;
  out->set_facts_revision(answers.front().facts_revision());
  for (v1::SimulateScorecardResponse& answer : answers) {
    out->set_accounts(out->accounts() + answer.accounts());
    out->set_accounts_scored(out->accounts_scored() + answer.accounts_scored());
    out->set_accounts_changed(out->accounts_changed() + answer.accounts_changed());
    out->set_accounts_changing_band(out->accounts_changing_band() + answer.accounts_changing_band());
    out->set_facts_revision(std::min(out->facts_revision(), answer.facts_revision()));
    PERENNIAL_RETURN_IF_ERROR(Add(answer.before(), band, before));
    PERENNIAL_RETURN_IF_ERROR(Add(answer.after(), band, after));
    PERENNIAL_RETURN_IF_ERROR(Add(answer.moves(), bands, moves));
    for (v1::SimulatedChange& change : *answer.mutable_changes()) changes.push_back(std::move(change));
  }
  for (auto& [key, share] : before) *out->add_before() = std::move(share);
  for (auto& [key, share] : after) *out->add_after() = std::move(share);
  for (auto& [key, move] : moves) *out->add_moves() = std::move(move);
  std::stable_sort(out->mutable_moves()->begin(), out->mutable_moves()->end(),
                   [](const auto& a, const auto& b) { return a.accounts() > b.accounts(); });
  std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) {
    return DistanceOf(a) != DistanceOf(b) ? DistanceOf(a) > DistanceOf(b) : a.account() < b.account();
  });
  changes.resize(std::min(changes.size(), static_cast<std::size_t>(list_size)));
  for (v1::SimulatedChange& change : changes) *out->add_changes() = std::move(change);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ShardedScorecards::SimulateScorecard(grpc::CallbackServerContext* context,
                                                               const v1::SimulateScorecardRequest* request,
                                                               v1::SimulateScorecardResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.SimulateScorecard(context, request, response);
  return GatherFromAll(
      shards_, context, response,
      [request](const auto& replica, int, auto* client, auto* answer, auto done) {
        replica.scorecards->async()->SimulateScorecard(client, request, answer, std::move(done));
      },
      [request](auto& answers, auto* out) { return Merge(*request, answers, out); });
}

grpc::ServerUnaryReactor* ShardedScorecards::CreateScorecard(grpc::CallbackServerContext* context,
                                                             const v1::CreateScorecardRequest* request,
                                                             v1::CreateScorecardResponse* response) {
  return ChangeAtKeeper(
      shards_, context, [=, this] { return own_.CreateScorecard(context, request, response); },
      [=](const auto& replica, auto* client, auto done) {
        replica.scorecards->async()->CreateScorecard(client, request, response, std::move(done));
      });
}

grpc::ServerUnaryReactor* ShardedScorecards::UpdateScorecard(grpc::CallbackServerContext* context,
                                                             const v1::UpdateScorecardRequest* request,
                                                             v1::UpdateScorecardResponse* response) {
  return ChangeAtKeeper(
      shards_, context, [=, this] { return own_.UpdateScorecard(context, request, response); },
      [=](const auto& replica, auto* client, auto done) {
        replica.scorecards->async()->UpdateScorecard(client, request, response, std::move(done));
      });
}

grpc::ServerUnaryReactor* ShardedScorecards::DeleteScorecard(grpc::CallbackServerContext* context,
                                                             const v1::DeleteScorecardRequest* request,
                                                             v1::DeleteScorecardResponse* response) {
  return ChangeAtKeeper(
      shards_, context, [=, this] { return own_.DeleteScorecard(context, request, response); },
      [=](const auto& replica, auto* client, auto done) {
        replica.scorecards->async()->DeleteScorecard(client, request, response, std::move(done));
      });
}

}  // namespace perennial::health
