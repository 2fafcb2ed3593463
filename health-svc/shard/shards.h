#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/health/v1/replica_service.grpc.pb.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "perennial/health/v1/value_service.grpc.pb.h"

namespace perennial::health {

// Which of several replicas this is, and where all of them are. An account belongs to shard fnv1a64(id) mod count, as
// in the facts feed.
struct ShardOptions {
  int index = 0;
  int count = 1;
  // By shard, this one's too; as many as `count` when that is more than 1.
  std::vector<std::shared_ptr<grpc::Channel>> replicas = {};
};

// "0/2" of --shard. INVALID_ARGUMENT with a sentence that completes "--shard ...".
absl::StatusOr<ShardOptions> ParseShard(absl::string_view text);

// Number of the shard that an account belongs to.
int ShardOf(absl::string_view account, int count);

// The replicas that share the accounts. All is const and safe for many threads.
class Shards {
 public:
  // A replica, itself included.
  struct Replica {
    explicit Replica(const std::shared_ptr<grpc::Channel>& channel);
    // Whether it hung lately, so that asking it again would only cost time.
    [[nodiscard]] bool Hangs() const;
    void NoteThatItHangs() const;

    std::unique_ptr<v1::HealthScoreService::Stub> scores;
    std::unique_ptr<v1::FlagService::Stub> flags;
    std::unique_ptr<v1::ScorecardService::Stub> scorecards;
    std::unique_ptr<v1::ValueService::Stub> values;
    std::unique_ptr<v1::ReplicaService::Stub> replicas;

   private:
    mutable std::atomic<std::chrono::steady_clock::rep> left_alone_until_ = 0;
  };

  explicit Shards(const ShardOptions& options);

  [[nodiscard]] int index() const { return index_; }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] bool Owns(absl::string_view account) const { return ShardOf(account) == index_; }
  [[nodiscard]] const Replica& replica(int shard) const { return *replicas_[static_cast<std::size_t>(shard)]; }
  [[nodiscard]] int ShardOf(absl::string_view account) const { return health::ShardOf(account, count_); }

  // The shard whose replica keeps scorecards and flag rules; the others follow it.
  static constexpr int kKeeper = 0;
  [[nodiscard]] bool KeepsConfiguration() const { return index_ == kKeeper; }
  // FAILED_PRECONDITION: what the keeper alone answers was asked of this replica.
  [[nodiscard]] absl::Status KeepsNoConfiguration() const;

  // Whether a call comes from another replica, which wants to know what this one has and nothing else.
  static bool IsOfReplica(const grpc::CallbackServerContext& context);
  // The context of a call to a replica that is part of answering `context`, or, when that is null, the current call
  // (CurrentCall) if there is one. Caller and trace go on with it.
  static std::unique_ptr<grpc::ClientContext> MakeContext(const grpc::CallbackServerContext* context,
                                                          std::chrono::milliseconds longest);
  // The same for a stream, which lasts as long as it is wanted.
  static std::unique_ptr<grpc::ClientContext> MakeStreamContext();
  // The status that says which replica did not answer, of one that it did not.
  [[nodiscard]] grpc::Status Explained(int shard, const grpc::Status& status) const;

 private:
  const int index_;
  const int count_;
  std::vector<std::unique_ptr<Replica>> replicas_;
};

}  // namespace perennial::health
