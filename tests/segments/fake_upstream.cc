#include "tests/segments/fake_upstream.h"

#include <condition_variable>
#include <utility>

#include "common/base/mutex.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "perennial/accounts/v1/subscription_service.grpc.pb.h"
#include "perennial/health/v1/flag_service.grpc.pb.h"
#include "perennial/health/v1/health_score_service.grpc.pb.h"
#include "perennial/health/v1/value_service.grpc.pb.h"

namespace perennial::segments::testing {
namespace {
// How often a stream looks whether its caller has left.
constexpr std::chrono::milliseconds kTick{20};
}  // namespace

struct FakeUpstream::State {
  Mutex mu;
  std::condition_variable changed;
  AccountsFeed accounts ABSL_GUARDED_BY(mu);
  ScoresFeed scores ABSL_GUARDED_BY(mu);
  ValuesFeed values ABSL_GUARDED_BY(mu);
  MovementsFeed movements ABSL_GUARDED_BY(mu);
  std::int64_t movements_life ABSL_GUARDED_BY(mu) = 1;
  std::vector<std::string> rules ABSL_GUARDED_BY(mu);
  bool down ABSL_GUARDED_BY(mu) = false;
  std::int64_t version ABSL_GUARDED_BY(mu) = 1;
  std::int64_t scores_life ABSL_GUARDED_BY(mu) = 1;

  template <class Change>
  auto Edit(Change change) {
    const MutexLock lock(mu);
    ++version;
    changed.notify_all();
    return change();
  }

  // Sends `since(revision)` whenever something has changed, until the caller leaves.
  template <class Response, class Since, class Lives = bool (*)()>
  grpc::Status Serve(grpc::ServerContext* context, std::int64_t revision, grpc::ServerWriter<Response>* writer,
                     Since since, Lives lives = [] { return true; }) {
    std::int64_t seen = 0;
    while (!context->IsCancelled()) {
      Response message;
      {
        MutexLock lock(mu);
        if (down || !lives()) return {grpc::StatusCode::UNAVAILABLE, "down"};
        if (seen == version) {
          lock.WaitFor(changed, kTick);
          continue;
        }
        seen = version;
        message = since(revision);
        revision = message.progress_revision();
      }
      if (!writer->Write(message)) break;
    }
    return grpc::Status::CANCELLED;
  }
};

class FakeUpstream::Facts final : public perennial::accounts::v1::FactService::Service {
 public:
  explicit Facts(State& state) : state_(state) {}
  grpc::Status WatchFacts(grpc::ServerContext* context, const perennial::accounts::v1::WatchFactsRequest* request,
                          grpc::ServerWriter<perennial::accounts::v1::WatchFactsResponse>* writer) override {
    return state_.Serve(context, request->start_revision(), writer,
                        [this](std::int64_t revision) { return state_.accounts.Since(revision); });
  }

 private:
  State& state_;
};

class FakeUpstream::Scores final : public perennial::health::v1::HealthScoreService::Service {
 public:
  explicit Scores(State& state) : state_(state) {}
  grpc::Status WatchHealthScores(
      grpc::ServerContext* context, const perennial::health::v1::WatchHealthScoresRequest* request,
      grpc::ServerWriter<perennial::health::v1::WatchHealthScoresResponse>* writer) override {
    std::int64_t life = 0;
    {
      const MutexLock lock(state_.mu);
      life = state_.scores_life;
      if (request->start_revision() > state_.scores.revision()) return {grpc::StatusCode::OUT_OF_RANGE, "never given"};
    }
    return state_.Serve(
        context, request->start_revision(), writer,
        [this](std::int64_t revision) { return state_.scores.Since(revision); },
        [this, life] { return state_.scores_life == life; });
  }

 private:
  State& state_;
};

class FakeUpstream::Flags final : public perennial::health::v1::FlagService::Service {
 public:
  explicit Flags(State& state) : state_(state) {}
  grpc::Status ListFlagRules(grpc::ServerContext*, const perennial::health::v1::ListFlagRulesRequest*,
                             perennial::health::v1::ListFlagRulesResponse* response) override {
    const MutexLock lock(state_.mu);
    for (const std::string& rule : state_.rules) response->add_rules()->set_id(rule);
    return grpc::Status::OK;
  }

 private:
  State& state_;
};

class FakeUpstream::Ledgers final : public perennial::accounts::v1::SubscriptionService::Service {
 public:
  explicit Ledgers(State& state) : state_(state) {}
  grpc::Status WatchRevenueMovements(
      grpc::ServerContext* context, const perennial::accounts::v1::WatchRevenueMovementsRequest* request,
      grpc::ServerWriter<perennial::accounts::v1::WatchRevenueMovementsResponse>* writer) override {
    std::int64_t life = 0;
    {
      const MutexLock lock(state_.mu);
      life = state_.movements_life;
      const bool other = !request->feed_id().empty() && request->feed_id() != state_.movements.feed_id();
      if (other || request->start_revision() > state_.movements.revision()) {
        return {grpc::StatusCode::OUT_OF_RANGE, "never given"};
      }
    }
    return state_.Serve(
        context, request->start_revision(), writer,
        [this](std::int64_t revision) { return state_.movements.Since(revision); },
        [this, life] { return state_.movements_life == life; });
  }

 private:
  State& state_;
};

class FakeUpstream::Worths final : public perennial::health::v1::ValueService::Service {
 public:
  explicit Worths(State& state) : state_(state) {}
  grpc::Status WatchValues(grpc::ServerContext* context, const perennial::health::v1::WatchValuesRequest* request,
                           grpc::ServerWriter<perennial::health::v1::WatchValuesResponse>* writer) override {
    return state_.Serve(context, request->start_revision(), writer,
                        [this](std::int64_t revision) { return state_.values.Since(revision); });
  }

 private:
  State& state_;
};

FakeUpstream::FakeUpstream()
    : state_(std::make_unique<State>()),
      facts_(std::make_unique<Facts>(*state_)),
      scores_(std::make_unique<Scores>(*state_)),
      flags_(std::make_unique<Flags>(*state_)),
      ledgers_(std::make_unique<Ledgers>(*state_)),
      worths_(std::make_unique<Worths>(*state_)) {
  grpc::ServerBuilder builder;
  builder.RegisterService(facts_.get());
  builder.RegisterService(scores_.get());
  builder.RegisterService(flags_.get());
  builder.RegisterService(ledgers_.get());
  builder.RegisterService(worths_.get());
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  server_ = builder.BuildAndStart();
}

std::string FakeUpstream::address() const { return "127.0.0.1:" + std::to_string(port_); }

FakeUpstream::~FakeUpstream() { server_->Shutdown(std::chrono::system_clock::now()); }

std::shared_ptr<grpc::Channel> FakeUpstream::Channel() { return server_->InProcessChannel(grpc::ChannelArguments()); }

std::int64_t FakeUpstream::Put(const std::string& account, const Values& values) {
  return state_->Edit([&] { return state_->accounts.Put(account, values); });
}

std::int64_t FakeUpstream::Delete(const std::string& account) {
  return state_->Edit([&] { return state_->accounts.Delete(account); });
}

void FakeUpstream::PutScore(const std::string& account, const ScoresFeed::Score& score) {
  state_->Edit([&] { return state_->scores.Put(account, score); });
}

std::int64_t FakeUpstream::PutLedger(const std::string& account, const std::vector<MovementsFeed::Change>& changes) {
  return state_->Edit([&] { return state_->movements.Put(account, changes); });
}

void FakeUpstream::ReplaceLedger(MovementsFeed ledger) {
  state_->Edit([&] {
    state_->movements = std::move(ledger);
    ++state_->movements_life;
  });
}

void FakeUpstream::Define(const std::string& name, facts::FactType type, const std::string& unit) {
  state_->Edit([&] { state_->accounts.Define(name, type, unit); });
}

void FakeUpstream::DeleteScore(const std::string& account) {
  state_->Edit([&] { return state_->scores.Delete(account); });
}

void FakeUpstream::SetScored() {
  state_->Edit([&] {
    state_->scores.SetFactsRevision(state_->accounts.revision());
    state_->values.SetFactsRevision(state_->accounts.revision());
  });
}

void FakeUpstream::SetOnlyScored() {
  state_->Edit([&] { state_->scores.SetFactsRevision(state_->accounts.revision()); });
}

void FakeUpstream::SetValued() {
  state_->Edit([&] { state_->values.SetFactsRevision(state_->accounts.revision()); });
}

void FakeUpstream::PutValue(const std::string& account, double clv) {
  state_->Edit([&] { state_->values.Put(account, clv, state_->accounts.revision()); });
}

void FakeUpstream::SetRules(std::vector<std::string> rules) {
  state_->Edit([&] { state_->rules = std::move(rules); });
}

void FakeUpstream::LoseScores() {
  state_->Edit([&] {
    state_->scores = {};
    ++state_->scores_life;
  });
}

void FakeUpstream::SetDown(bool down) {
  state_->Edit([&] { state_->down = down; });
}

std::int64_t FakeUpstream::revision() const {
  const MutexLock lock(state_->mu);
  return state_->accounts.revision();
}

}  // namespace perennial::segments::testing
