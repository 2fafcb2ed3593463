#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "health-svc/shard/shards.h"
#include "health-svc/watch_token.h"

namespace perennial::health {

// Reads the feeds of all replicas, this one's too, for one reader: each in order, one message of each at a time, so
// that a slow reader costs no more memory than that. A replica that is away is asked again and again from where it was
// left, while the others go on. `Method` says what is watched, see ScoreWatch. Safe for many threads.
template <class Method>
class MergedWatch final : public WatchHub::Stream, public std::enable_shared_from_this<MergedWatch<Method>> {
 public:
  using Request = typename Method::Request;
  using Response = typename Method::Response;

  // All must outlive it. `hub` is that of the process, for its end; `places` by replica.
  MergedWatch(const Shards& shards, WatchHub& hub, const std::vector<WatchPlace>& places) : shards_(shards), hub_(hub) {
    for (const WatchPlace& place : places) {
      peers_.push_back(std::make_unique<Peer>());
      peers_.back()->read = place;
      peers_.back()->sent = place;
    }
  }

  // Where its own stream waits for messages of the replicas.
  [[nodiscard]] WatchHub& own_hub() { return own_hub_; }

  // The next message; nothing while no replica has sent one; an error that a replica ended its feed with for good.
  absl::StatusOr<std::optional<Response>> Next() {
    if (!std::exchange(opened_, true)) {
      for (std::size_t i = 0; i < peers_.size(); ++i) Open(i);
    }
    for (std::size_t tried = 0; tried < peers_.size(); ++tried) {
      const std::size_t at = next_peer_++ % peers_.size();
      Source* wants_more = nullptr;
      std::optional<Response> out;
      {
        const MutexLock lock(mu_);
        if (!failed_.ok()) return failed_;
        Peer& peer = *peers_[at];
        if (!peer.message.has_value()) continue;
        out = Take(at);
        if (peer.source != nullptr) {
          peer.source->reading = true;
          wants_more = peer.source;
        }
      }
      // Its hold keeps it until a read has failed.
      if (wants_more != nullptr) wants_more->Read();
      return out;
    }
    const MutexLock lock(mu_);
    if (!failed_.ok()) return failed_;
    return std::nullopt;
  }

  // The reader left: ends everything.
  void Close() {
    std::vector<Source*> idle;
    {
      const MutexLock lock(mu_);
      closed_ = true;
      for (const auto& peer : peers_) {
        peer->again.reset();
        if (peer->source == nullptr) continue;
        peer->source->context->TryCancel();
        if (!std::exchange(peer->source->reading, true)) idle.push_back(peer->source);
      }
    }
    for (Source* source : idle) source->RemoveHold();
  }

  // Of the process's hub: its end is the stream's.
  void Wake() override {
    if (hub_.draining()) own_hub_.Drain();
  }
  bool CutIfAsleep(std::chrono::steady_clock::time_point since) override { return own_hub_.CutSleepers(since) > 0; }

 private:
  static constexpr int kShortestWait = 50;
  static constexpr int kLongestWait = 2000;

  // One stream of one replica; deletes itself.
  class Source final : public grpc::ClientReadReactor<Response> {
   public:
    Source(std::shared_ptr<MergedWatch> watch, std::size_t at)
        : context(Shards::MakeStreamContext()), watch_(std::move(watch)), at_(at) {}
    void Start(const WatchPlace& place) {
      request_.set_start_revision(place.revision);
      request_.set_feed_id(place.feed_id);
      request_.set_replica_only(true);
      Method::Open(watch_->shards_.replica(static_cast<int>(at_)), context.get(), &request_, this);
      this->AddHold();
      this->StartRead(&response_);
      this->StartCall();
    }
    void Read() { this->StartRead(&response_); }
    void OnReadDone(bool ok) override {
      if (!ok || !watch_->Received(at_, this, response_)) this->RemoveHold();
    }
    void OnDone(const grpc::Status& status) override {
      watch_->Ended(at_, this, status);
      delete this;
    }

    const std::unique_ptr<grpc::ClientContext> context;
    // A read is under way, or the hold is given up. Guarded by the watch.
    bool reading = true;

   private:
    const std::shared_ptr<MergedWatch> watch_;
    const std::size_t at_;
    Request request_;
    Response response_;
  };

  struct Peer {
    WatchPlace read;  // everything up to it has come
    WatchPlace sent;  // and was handed to the reader
    std::optional<Response> message;
    Source* source = nullptr;
    std::int64_t facts_revision = 0;
    bool caught_up = false;
    int wait_ms = kShortestWait;
    std::unique_ptr<grpc::Alarm> again;
  };

  void Open(std::size_t at) {
    // Under the lock, so that Close() ends it, and what it uses is there. gRPC answers on threads of its own.
    const MutexLock lock(mu_);
    if (closed_) return;
    peers_[at]->source = new Source(this->shared_from_this(), at);
    peers_[at]->source->Start(peers_[at]->read);
  }

  // False when nobody will read on.
  bool Received(std::size_t at, Source* source, Response& message) {
    {
      const MutexLock lock(mu_);
      Peer& peer = *peers_[at];
      peer.wait_ms = kShortestWait;
      if (!message.feed_id().empty()) peer.read.feed_id = message.feed_id();
      peer.read.revision = message.progress_revision();
      if (closed_) return false;
      peer.message = std::move(message);
      source->reading = false;
    }
    message.Clear();
    own_hub_.WakeAll();
    return true;
  }

  void Ended(std::size_t at, Source* source, const grpc::Status& status) {
    {
      const MutexLock lock(mu_);
      Peer& peer = *peers_[at];
      if (peer.source == source) peer.source = nullptr;
      if (closed_) return;
      peer.caught_up = false;
      const grpc::StatusCode code = status.error_code();
      if (code == grpc::StatusCode::OUT_OF_RANGE || code == grpc::StatusCode::INVALID_ARGUMENT ||
          code == grpc::StatusCode::UNIMPLEMENTED) {
        if (failed_.ok()) failed_ = FromGrpcStatus(status);
      } else {
        // A new one each time, as the callback of the last may still be running; weakly, as an alarm keeps its
        // callback.
        peer.again = std::make_unique<grpc::Alarm>();
        peer.again->Set(std::chrono::system_clock::now() + std::chrono::milliseconds(peer.wait_ms),
                        [weak = this->weak_from_this(), at](bool ok) {
                          const auto self = weak.lock();
                          if (ok && self != nullptr) self->Open(at);
                        });
        peer.wait_ms = std::min(2 * peer.wait_ms, kLongestWait);
      }
    }
    own_hub_.WakeAll();
  }

  // The message of a replica, as the reader is to have it.
  Response Take(std::size_t at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    Peer& peer = *peers_[at];
    Response out = *std::move(peer.message);
    peer.message.reset();
    peer.sent = {.feed_id = peer.read.feed_id, .revision = out.progress_revision()};
    peer.caught_up = out.caught_up();
    if constexpr (Method::kTellsFacts) peer.facts_revision = out.facts_revision();
    auto* updates = out.mutable_updates();
    // What a replica still tells of accounts that were its own when there were fewer replicas is another one's to tell.
    updates->erase(std::remove_if(updates->begin(), updates->end(),
                                  [&](const auto& update) {
                                    return shards_.ShardOf(Method::AccountOf(update)) != static_cast<int>(at);
                                  }),
                   updates->end());
    std::vector<WatchPlace> places;
    bool caught_up = true;
    std::int64_t facts_revision = std::numeric_limits<std::int64_t>::max();
    for (const auto& one : peers_) {
      places.push_back(one->sent);
      caught_up = caught_up && one->caught_up && !one->message.has_value();
      facts_revision = std::min(facts_revision, one->facts_revision);
    }
    if constexpr (Method::kTellsFacts) out.set_facts_revision(facts_revision);
    out.clear_feed_id();
    out.set_progress_revision(0);
    out.set_caught_up(caught_up);
    out.set_progress_token(MakeWatchToken(Method::kName, places));
    return out;
  }

  const Shards& shards_;
  WatchHub& hub_;
  WatchHub own_hub_{1, std::chrono::milliseconds{0}};
  bool opened_ = false;        // of Next(), one at a time
  std::size_t next_peer_ = 0;  // likewise
  Mutex mu_;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failed_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<Peer>> peers_;  // fixed; what they point to is guarded by mu_
};

// Serves a watch method with what all replicas send. All must outlive it.
template <class Method>
grpc::ServerWriteReactor<typename Method::Response>* WatchAll(const Shards& shards, WatchHub& hub, WorkerPool& pool,
                                                              const typename Method::Request& request) {
  using Response = typename Method::Response;
  const auto places = PlacesOf(request, Method::kName, shards.count());
  if (!places.ok()) return RefuseWatch<Response>(hub, pool, places.status());
  const auto watch = std::make_shared<MergedWatch<Method>>(shards, hub, *places);
  if (!hub.Add(watch)) return RefuseWatch<Response>(hub, pool, BusyStatus());
  // Gone with the stream.
  const auto end = std::shared_ptr<void>(nullptr, [watch](void*) { watch->Close(); });
  return WatchStream<Response>::Start(watch->own_hub(), pool, [watch, end] { return watch->Next(); });
}

// What the methods of MergedWatch are made of: which, how a replica is asked, and whose account an update is of.
struct ScoreWatch {
  using Request = v1::WatchHealthScoresRequest;
  using Response = v1::WatchHealthScoresResponse;
  static constexpr const char* kName = "WatchHealthScores";
  static constexpr bool kTellsFacts = true;
  static void Open(const Shards::Replica& replica, grpc::ClientContext* context, const Request* request,
                   grpc::ClientReadReactor<Response>* reactor) {
    replica.scores->async()->WatchHealthScores(context, request, reactor);
  }
  static absl::string_view AccountOf(const v1::HealthScoreUpdate& update) { return update.account_id(); }
};

struct FlagWatch {
  using Request = v1::WatchFlagsRequest;
  using Response = v1::WatchFlagsResponse;
  static constexpr const char* kName = "WatchFlags";
  static constexpr bool kTellsFacts = false;
  static void Open(const Shards::Replica& replica, grpc::ClientContext* context, const Request* request,
                   grpc::ClientReadReactor<Response>* reactor) {
    replica.flags->async()->WatchFlags(context, request, reactor);
  }
  // "accounts/acme/flags/quiet"
  static absl::string_view AccountOf(const v1::FlagUpdate& update) {
    const absl::string_view rest = absl::StripPrefix(update.flag().name(), "accounts/");
    return rest.substr(0, rest.find('/'));
  }
};

struct ValueWatch {
  using Request = v1::WatchValuesRequest;
  using Response = v1::WatchValuesResponse;
  static constexpr const char* kName = "WatchValues";
  static constexpr bool kTellsFacts = true;
  static void Open(const Shards::Replica& replica, grpc::ClientContext* context, const Request* request,
                   grpc::ClientReadReactor<Response>* reactor) {
    replica.values->async()->WatchValues(context, request, reactor);
  }
  static absl::string_view AccountOf(const v1::ValueUpdate& update) { return update.account_id(); }
};

}  // namespace perennial::health
