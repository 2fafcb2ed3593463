#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/segments/feed_models.h"
#include "tests/segments/movements_feed.h"

namespace perennial::segments::testing {

// accounts-svc and health-svc as far as segment-svc knows them, in one server in this process. Safe to use from many
// threads.
class FakeUpstream {
 public:
  FakeUpstream();
  ~FakeUpstream();

  // A channel to it, without a socket.
  std::shared_ptr<grpc::Channel> Channel();

  // Where another process reaches it.
  [[nodiscard]] std::string address() const;

  // As in AccountsFeed and ScoresFeed. A change of facts counts as scored only once a score or SetScored() says so.
  std::int64_t Put(const std::string& account, const Values& values);
  std::int64_t Delete(const std::string& account);
  void Define(const std::string& name, facts::FactType type, const std::string& unit = "");
  void PutScore(const std::string& account, const ScoresFeed::Score& score);
  void DeleteScore(const std::string& account);
  // As in MovementsFeed; returns the revision.
  std::int64_t PutLedger(const std::string& account, const std::vector<MovementsFeed::Change>& changes);
  // Another ledger under another feed id, as of a restored backup; ends its streams.
  void ReplaceLedger(MovementsFeed ledger);
  // All facts have been scored and valued.
  void SetScored();
  // The same of scores alone, and of values alone.
  void SetOnlyScored();
  void SetValued();
  void PutValue(const std::string& account, double clv);
  void SetRules(std::vector<std::string> rules);
  // Forgets all scores, as a health-svc with an empty database; ends its streams.
  void LoseScores();
  // Ends every stream with UNAVAILABLE, and those that are opened while it is so.
  void SetDown(bool down);
  // Of the facts.
  [[nodiscard]] std::int64_t revision() const;

 private:
  struct State;
  class Facts;
  class Scores;
  class Flags;
  class Ledgers;
  class Worths;
  const std::unique_ptr<State> state_;
  const std::unique_ptr<Facts> facts_;
  const std::unique_ptr<Scores> scores_;
  const std::unique_ptr<Flags> flags_;
  const std::unique_ptr<Ledgers> ledgers_;
  const std::unique_ptr<Worths> worths_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace perennial::segments::testing
