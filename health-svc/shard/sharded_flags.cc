#include "health-svc/shard/sharded_flags.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "health-svc/flags.h"
#include "health-svc/request_names.h"
#include "health-svc/shard/gather.h"

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
  std::vector<v1::Flag*> flags;
  std::int64_t total = 0;
  bool more = false;
  for (v1::ListFlagsResponse& answer : answers) {
    total += answer.total_size();
    more = more || !answer.next_page_token().empty();
    for (v1::Flag& flag : *answer.mutable_flags()) flags.push_back(&flag);
  }
  std::sort(flags.begin(), flags.end(), [](const auto* a, const auto* b) { return ComesBefore(*a, *b); });
  if (flags.size() > static_cast<std::size_t>(page_size)) {
    more = true;
    flags.resize(static_cast<std::size_t>(page_size));
  }
  if (more && !flags.empty()) {
    out->set_next_page_token(MakePageToken(CursorAfter(*flags.back()), ListKey(request)));
  }
  for (v1::Flag* flag : flags) *out->add_flags() = std::move(*flag);
  if (answers.front().has_filter_reading()) *out->mutable_filter_reading() = answers.front().filter_reading();
  out->set_total_size(total);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(ComesFromFiles()));
  return reactor;
}

}  // namespace

absl::Status ComesFromFiles() {
  return WithReason(
      absl::FailedPreconditionError("replicas that share the accounts (--shard) take scorecards and flag rules "
                                    "from files, so that all have the same: change --scorecards and "
                                    "--flag_rules and restart them"),
      "SHARDED");
}

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
                                                       const v1::CreateFlagRuleRequest*, v1::CreateFlagRuleResponse*) {
  return Refuse(context);
}
grpc::ServerUnaryReactor* ShardedFlags::UpdateFlagRule(grpc::CallbackServerContext* context,
                                                       const v1::UpdateFlagRuleRequest*, v1::UpdateFlagRuleResponse*) {
  return Refuse(context);
}
grpc::ServerUnaryReactor* ShardedFlags::DeleteFlagRule(grpc::CallbackServerContext* context,
                                                       const v1::DeleteFlagRuleRequest*, v1::DeleteFlagRuleResponse*) {
  return Refuse(context);
}

}  // namespace perennial::health
