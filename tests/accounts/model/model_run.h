#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/accounts/model/model_checks.h"
#include "tests/accounts/model/model_follower.h"
#include "tests/accounts/model/model_steps.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {

// Tells one story to a fresh server and to the plain model, and compares all their answers.
class ModelRun {
 public:
  // `patience`: how long the feed may take to show what the model says.
  ModelRun(absl::Time start, absl::Duration patience);
  ~ModelRun();

  // What differs after the first step after which something does; nothing when all answers are the same.
  std::string Run(const std::vector<Step>& steps);

 private:
  void StartServer();
  void StopServer();
  // Does the step on both sides. What differs between the two answers.
  std::string Do(const Step& step);
  std::string Send(const v1::WriteRecordsRequest& request);
  std::string CheckAfterStep();
  std::string CheckAll();
  std::map<std::string, FactMap> ExpectedFeed() const;
  std::string AnyAccount();
  absl::Time AnyMoment();

  const absl::Duration patience_;
  TempFolder folder_;
  TestClock clock_;
  PlainModel model_;
  std::mt19937 random_{1};
  std::unique_ptr<AccountsServer> server_;
  std::unique_ptr<ModelStubs> stubs_;
  ModelFollower follower_;
};

// The story without the steps that are not needed for it to fail. Tries for at most `longest`.
std::vector<Step> Shortened(std::vector<Step> story, absl::Time start, absl::Duration longest);

}  // namespace perennial::accounts::testing
