#include "health-svc/shard/shards.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/error_details.h"
#include "common/base/hash.h"
#include "common/server/call_metadata.h"
#include "common/server/grpc_status.h"

namespace perennial::health {
namespace {

constexpr int kMostShards = 64;
constexpr std::chrono::seconds kLeftAlone{1};
constexpr char kOfReplica[] = "perennial-of-replica";

}  // namespace

absl::StatusOr<ShardOptions> ParseShard(absl::string_view text) {
  ShardOptions out;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &out.index) || !absl::SimpleAtoi(parts[1], &out.count) ||
      out.count < 1 || out.count > kMostShards || out.index < 0 || out.index >= out.count) {
    return absl::InvalidArgumentError(absl::StrCat(
        "must look like 0/2: number of this replica, from 0, and how many there are, at most ", kMostShards));
  }
  return out;
}

Shards::Replica::Replica(const std::shared_ptr<grpc::Channel>& channel)
    : scores(v1::HealthScoreService::NewStub(channel)),
      flags(v1::FlagService::NewStub(channel)),
      scorecards(v1::ScorecardService::NewStub(channel)),
      values(v1::ValueService::NewStub(channel)),
      replicas(v1::ReplicaService::NewStub(channel)) {}

Shards::Shards(const ShardOptions& options) : index_(options.index), count_(options.count) {
  for (const auto& channel : options.replicas) replicas_.push_back(std::make_unique<Replica>(channel));
}

bool Shards::Replica::Hangs() const {
  return std::chrono::steady_clock::now().time_since_epoch().count() < left_alone_until_;
}

void Shards::Replica::NoteThatItHangs() const {
  left_alone_until_ = (std::chrono::steady_clock::now() + kLeftAlone).time_since_epoch().count();
}

int ShardOf(absl::string_view account, int count) {
  return static_cast<int>(Fnv1a64(account) % static_cast<std::uint64_t>(count));
}

bool Shards::IsOfReplica(const grpc::CallbackServerContext& context) {
  return context.client_metadata().find(kOfReplica) != context.client_metadata().end();
}

std::unique_ptr<grpc::ClientContext> Shards::MakeContext(const grpc::CallbackServerContext* context,
                                                         std::chrono::milliseconds longest) {
  auto out = std::make_unique<grpc::ClientContext>();
  const auto latest = std::chrono::system_clock::now() + longest;
  out->set_deadline(context == nullptr ? latest : std::min(context->deadline(), latest));
  out->AddMetadata(kOfReplica, "1");
  if (context == nullptr) {
    AddCallMetadata(*out);
  } else {
    PassCallOn(*context, *out);
  }
  return out;
}

std::unique_ptr<grpc::ClientContext> Shards::MakeStreamContext() {
  auto out = std::make_unique<grpc::ClientContext>();
  out->AddMetadata(kOfReplica, "1");
  return out;
}

absl::Status Shards::KeepsNoConfiguration() const {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "replica ", kKeeper, " keeps scorecards and flag rules, and this is replica ", index_,
                        ": --replicas must name the same addresses in the same order everywhere")),
                    "NOT_THE_KEEPER");
}

grpc::Status Shards::Explained(int shard, const grpc::Status& status) const {
  // One that says why itself was there to say so.
  if (status.error_code() != grpc::StatusCode::UNAVAILABLE || !status.error_details().empty()) return status;
  return ToGrpcStatus(WithReason(
      absl::UnavailableError(absl::StrCat("replica ", shard, " of ", count_, ", which has some of the accounts",
                                          shard == kKeeper ? " and keeps the configuration" : "",
                                          ", does not answer: ", status.error_message())),
      "REPLICA_UNAVAILABLE"));
}

}  // namespace perennial::health
