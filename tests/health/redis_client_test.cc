#include "common/cache/redis_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "tests/testing/redis_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial {
namespace {

using ::perennial::testing::HasCode;
using ::perennial::testing::IsOk;
using ::perennial::testing::RedisServer;

std::unique_ptr<RedisClient> ClientOf(RedisOptions options) {
  auto client = RedisClient::Create(std::move(options));
  EXPECT_THAT(client, IsOk());
  return *std::move(client);
}

// A short timeout may pass on a busy machine: until it does not.
bool SometimeOk(RedisClient& client, const std::vector<RedisCommand>& commands) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!client.Run(commands).ok()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
  }
  return true;
}

TEST(RedisClientTest, RefusesAnAddressThatIsNone) {
  for (const char* address :
       {"", "localhost", ":6379", "localhost:", "localhost:0", "localhost:70000", "localhost:x"}) {
    EXPECT_THAT(RedisClient::Create({.address = address}), HasCode(absl::StatusCode::kInvalidArgument)) << address;
  }
}

TEST(RedisClientTest, AnswersInOrderAndTakesAnyBytes) {
  const RedisServer server;
  const auto client = ClientOf({.address = server.address(), .timeout = std::chrono::seconds(20)});
  const std::string bytes("a\0\r\nb %s", 8);
  const auto replies = client->Run({{"SET", "key", bytes}, {"GET", "key"}, {"GET", "none"}, {"NOSUCH"}, {"DBSIZE"}});
  ASSERT_THAT(replies, IsOk());
  ASSERT_EQ(replies->size(), 5U);
  EXPECT_EQ((*replies)[0].text, "OK");
  EXPECT_EQ((*replies)[1].text, bytes);
  EXPECT_EQ((*replies)[2].type, RedisReply::Type::kNil);
  EXPECT_EQ((*replies)[3].type, RedisReply::Type::kError);
  EXPECT_EQ((*replies)[4].integer, 1);
}

TEST(RedisClientTest, ConnectsAgainAfterTheServerWasAway) {
  RedisServer server;
  const auto client = ClientOf({.address = server.address(), .timeout = std::chrono::seconds(20)});
  ASSERT_THAT(client->Run({{"PING"}}), IsOk());
  server.Stop();
  EXPECT_THAT(client->Run({{"PING"}}), HasCode(absl::StatusCode::kUnavailable));
  server.Start();
  EXPECT_THAT(client->Run({{"PING"}}), IsOk());
  EXPECT_EQ(client->connections(), 2);
}

TEST(RedisClientTest, GivesUpOnAServerThatHangsEvenAfterAReconnection) {
  RedisServer server;
  const auto client =
      ClientOf({.address = server.address(), .timeout = std::chrono::milliseconds(50), .most_failures = 1000000});
  ASSERT_TRUE(SometimeOk(*client, {{"PING"}}));
  server.Freeze();
  // The second attempt connects (the kernel accepts) and then waits for an answer.
  EXPECT_THAT(client->Run({{"PING"}}), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(client->Run({{"PING"}}), HasCode(absl::StatusCode::kUnavailable));
  server.Thaw();
}

TEST(RedisClientTest, DoesNotReadALateAnswerAsTheNext) {
  RedisServer server;
  const auto client =
      ClientOf({.address = server.address(), .timeout = std::chrono::milliseconds(50), .most_failures = 1000000});
  ASSERT_TRUE(SometimeOk(*client, {{"SET", "a", "1"}, {"SET", "b", "2"}}));
  server.Freeze();
  EXPECT_THAT(client->Run({{"GET", "a"}}), HasCode(absl::StatusCode::kUnavailable));
  server.Thaw();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto replies = client->Run({{"GET", "b"}});
  while (!replies.ok() && std::chrono::steady_clock::now() < deadline) replies = client->Run({{"GET", "b"}});
  ASSERT_THAT(replies, IsOk());
  EXPECT_EQ(replies->front().text, "2");
}

TEST(RedisClientTest, TriesNothingForAWhileAfterFailuresInARow) {
  RedisServer server;
  const auto client = ClientOf({.address = server.address(),
                                .timeout = std::chrono::seconds(20),
                                .most_failures = 2,
                                .pause = std::chrono::milliseconds(600000)});
  server.Stop();
  EXPECT_FALSE(client->Run({{"PING"}}).ok());
  EXPECT_FALSE(client->Run({{"PING"}}).ok());
  server.Start();
  EXPECT_FALSE(client->Run({{"PING"}}).ok()) << "the circuit is open, though Redis is back";
}

}  // namespace
}  // namespace perennial
