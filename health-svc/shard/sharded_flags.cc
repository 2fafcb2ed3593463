#include "health-svc/shard/sharded_flags.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "health-svc/flags.h"
#include "health-svc/request_names.h"
#include "health-svc/shard/gather.h"
#include "health-svc/shard/merged_watch.h"

namespace perennial::health {
namespace {

// The shard of another replica that has a flag; nothing when this one has it, or the name is none.
std::optional<int> OtherShard(const Shards& shards, const grpc::CallbackServerContext& context,
                              const std::string& flag) {
  const auto name = ChildOf(flag, "accounts", "flags");
  if (!name.ok() || Shards::IsOfReplica(context) || shards.Owns(name->parent)) return std::nullopt;
  return shards.ShardOf(name->parent);
}

absl::Status MergeLists(const v1::ListFlagsRequest& request, std::vector<v1::ListFlagsResponse>& answers,
                        v1::ListFlagsResponse* out) {
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  MergePages(
      answers, page_size, [](auto& response) { return response.mutable_flags(); },
      [](const auto& a, const auto& b) { return ComesBefore(a, b); },
      [&](const auto& last) { return MakePageToken(CursorAfter(last), ListKey(request)); }, out);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ShardedFlags::ListFlags(grpc::CallbackServerContext* context,
                                                  const v1::ListFlagsRequest* request,
                                                  v1::ListFlagsResponse* response) {
  const auto account = AccountOfParent(request->parent());
  const bool one = account.ok() && *account != "-";
  if (Shards::IsOfReplica(*context) || (one && shards_.Owns(*account))) {
    return own_.ListFlags(context, request, response);
  }
  if (one) {
    return ForwardTo(shards_, shards_.ShardOf(*account), context, [=](const auto& replica, auto* client, auto done) {
      replica.flags->async()->ListFlags(client, request, response, std::move(done));
    });
  }
  return GatherFromAll(
      shards_, context, response,
      [request](const auto& replica, int, auto* client, auto* answer, auto done) {
        replica.flags->async()->ListFlags(client, request, answer, std::move(done));
      },
      [request](auto& answers, auto* out) { return MergeLists(*request, answers, out); });
}

grpc::ServerUnaryReactor* ShardedFlags::AcknowledgeFlag(grpc::CallbackServerContext* context,
                                                        const v1::AcknowledgeFlagRequest* request,
                                                        v1::AcknowledgeFlagResponse* response) {
  const auto shard = OtherShard(shards_, *context, request->name());
  if (!shard.has_value()) return own_.AcknowledgeFlag(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.flags->async()->AcknowledgeFlag(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedFlags::SnoozeFlag(grpc::CallbackServerContext* context,
                                                   const v1::SnoozeFlagRequest* request,
                                                   v1::SnoozeFlagResponse* response) {
  const auto shard = OtherShard(shards_, *context, request->name());
  if (!shard.has_value()) return own_.SnoozeFlag(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.flags->async()->SnoozeFlag(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedFlags::ResolveFlag(grpc::CallbackServerContext* context,
                                                    const v1::ResolveFlagRequest* request,
                                                    v1::ResolveFlagResponse* response) {
  const auto shard = OtherShard(shards_, *context, request->name());
  if (!shard.has_value()) return own_.ResolveFlag(context, request, response);
  return ForwardTo(shards_, *shard, context, [=](const auto& replica, auto* client, auto done) {
    replica.flags->async()->ResolveFlag(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedFlags::CreateFlagRule(grpc::CallbackServerContext* context,
                                                       const v1::CreateFlagRuleRequest* request,
                                                       v1::CreateFlagRuleResponse* response) {
  return ChangeAtKeeper(
      shards_, context, [=, this] { return own_.CreateFlagRule(context, request, response); },
      [=](const auto& replica, auto* client, auto done) {
        replica.flags->async()->CreateFlagRule(client, request, response, std::move(done));
      });
}

grpc::ServerUnaryReactor* ShardedFlags::UpdateFlagRule(grpc::CallbackServerContext* context,
                                                       const v1::UpdateFlagRuleRequest* request,
                                                       v1::UpdateFlagRuleResponse* response) {
  return ChangeAtKeeper(
      shards_, context, [=, this] { return own_.UpdateFlagRule(context, request, response); },
      [=](const auto& replica, auto* client, auto done) {
        replica.flags->async()->UpdateFlagRule(client, request, response, std::move(done));
      });
}

grpc::ServerUnaryReactor* ShardedFlags::DeleteFlagRule(grpc::CallbackServerContext* context,
                                                       const v1::DeleteFlagRuleRequest* request,
                                                       v1::DeleteFlagRuleResponse* response) {
  return ChangeAtKeeper(
      shards_, context, [=, this] { return own_.DeleteFlagRule(context, request, response); },
      [=](const auto& replica, auto* client, auto done) {
        replica.flags->async()->DeleteFlagRule(client, request, response, std::move(done));
      });
}

grpc::ServerWriteReactor<v1::WatchFlagsResponse>* ShardedFlags::WatchFlags(grpc::CallbackServerContext* context,
                                                                           const v1::WatchFlagsRequest* request) {
  if (Shards::IsOfReplica(*context) || request->replica_only()) return own_.WatchFlags(context, request);
  return WatchAll<FlagWatch>(shards_, hub_, watch_pool_, *request);
}

}  // namespace perennial::health
