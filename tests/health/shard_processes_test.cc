// Two real health-svc processes share the accounts; one is killed and comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "health-svc/score_cache.h"
#include "health-svc/shard/shards.h"
#include "tests/health/fake_accounts.h"
#include "tests/health/health_fixture.h"
#include "tests/testing/process.h"
#include "tests/testing/redis_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

constexpr int kAccounts = 200;

class ShardProcessesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int& port : ports_) port = perennial::testing::FreePort();
    std::ofstream(folder_.path() + "/scorecards") << kTestScorecards;
    std::ofstream(folder_.path() + "/rules") << kTestRules;
    for (int i = 0; i < kAccounts; ++i) accounts_.Put(absl::StrCat("a", i), {{"use", static_cast<double>(i % 101)}});
    for (int shard : {0, 1}) Start(shard);
  }
  void Start(int shard) {
    const auto at = static_cast<std::size_t>(shard);
    processes_[at] = std::make_unique<perennial::testing::Process>(
        std::vector<std::string>{
            PERENNIAL_BINARY_DIR "/health-svc", absl::StrCat("--data=", folder_.path(), "/", shard),
            absl::StrCat("--port=", ports_[at]), absl::StrCat("--shard=", shard, "/2"),
            absl::StrCat("--replicas=127.0.0.1:", ports_[0], ",127.0.0.1:", ports_[1]),
            "--accounts=" + accounts_.address(), "--redis=" + redis_.address(), "--metrics_port=0",
            "--scorecards=" + folder_.path() + "/scorecards", "--flag_rules=" + folder_.path() + "/rules"},
        absl::StrCat(folder_.path(), "/", shard, ".log"));
  }
  grpc::Status Get(int shard, const std::string& account, v1::HealthScore* out) {
    const auto stub = v1::HealthScoreService::NewStub(Channel(shard));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    context.set_wait_for_ready(true);
    v1::GetHealthScoreRequest request;
    request.set_name("accounts/" + account);
    v1::GetHealthScoreResponse response;
    const grpc::Status status = stub->GetHealthScore(&context, request, &response);
    *out = response.health_score();
    return status;
  }
  grpc::Status List(int shard, v1::ListHealthScoresResponse* response) {
    const auto stub = v1::HealthScoreService::NewStub(Channel(shard));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    v1::ListHealthScoresRequest request;
    request.set_page_size(1000);
    return stub->ListHealthScores(&context, request, response);
  }
  bool ListsAll(int shard) {
    return Eventually([&] {
      v1::ListHealthScoresResponse response;
      return List(shard, &response).ok() && response.total_size() == kAccounts &&
             response.health_scores_size() == kAccounts;
    });
  }
  void ExpectAllRead(int shard) {
    for (int i = 0; i < kAccounts; ++i) {
      v1::HealthScore score;
      const grpc::Status status = Get(shard, absl::StrCat("a", i), &score);
      ASSERT_TRUE(status.ok()) << status.error_message() << Logs();
      ASSERT_DOUBLE_EQ(score.score(), i % 101);
    }
  }
  std::string Logs() const {
    return absl::StrCat("\n", perennial::testing::ReadFile(folder_.path() + "/0.log"),
                        perennial::testing::ReadFile(folder_.path() + "/1.log"));
  }
  std::shared_ptr<grpc::Channel> Channel(int shard) const {
    return MakeChannel(absl::StrCat("127.0.0.1:", ports_[static_cast<std::size_t>(shard)]));
  }

  perennial::testing::TemporaryFolder folder_;
  perennial::testing::RedisServer redis_;
  FakeAccounts accounts_;
  std::array<int, 2> ports_{};
  std::array<std::unique_ptr<perennial::testing::Process>, 2> processes_;
};

TEST_F(ShardProcessesTest, ScoresAreReadWhileOneIsKilledAndAfterItIsBack) {
  ASSERT_TRUE(ListsAll(0)) << Logs();
  ASSERT_TRUE(ListsAll(1)) << Logs();
  for (int shard : {0, 1}) ASSERT_NO_FATAL_FAILURE(ExpectAllRead(shard));
  ASSERT_TRUE(Eventually([&] {
    for (int i = 0; i < kAccounts; ++i) {
      if (redis_.Run({"EXISTS", CacheKey(absl::StrCat("a", i))}).integer != 1) return false;
    }
    return true;
  }));

  processes_[0]->Kill();
  ASSERT_NO_FATAL_FAILURE(ExpectAllRead(1));
  (void)redis_.Run({"FLUSHALL"});
  ASSERT_NO_FATAL_FAILURE(ExpectAllRead(1));
  v1::ListHealthScoresResponse list;
  const grpc::Status status = List(1, &list);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("replica 0 of 2"));

  Start(0);
  ASSERT_TRUE(ListsAll(1)) << Logs();
  for (int shard : {0, 1}) ASSERT_NO_FATAL_FAILURE(ExpectAllRead(shard));
  for (const auto& process : processes_) {
    process->Signal(SIGTERM);
    EXPECT_EQ(process->Wait(), 0) << Logs();
  }
}

}  // namespace
}  // namespace perennial::health
