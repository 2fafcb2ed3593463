#include "common/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/server/call_metadata.h"
#include "common/server/file_watcher.h"
#include "common/server/rpc_metrics.h"
#include "common/server/self_check.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/testing/process.h"

namespace perennial {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

TEST(SelfCheckTest, ReportsAServerThatDoesNotAnswerNewConnections) {
  std::atomic<int> dead = 0;
  const SelfCheck check({.address = absl::StrCat("127.0.0.1:", testing::FreePort()),
                         .credentials = grpc::InsecureChannelCredentials(),
                         .interval = milliseconds(1),
                         .timeout = milliseconds(500),
                         .most_failures = 3},
                        [&] { ++dead; });
  EXPECT_TRUE(Eventually([&] { return dead == 1; }));
}

TEST(SelfCheckTest, IsContentWithAServerThatAnswers) {
  std::atomic<int> dead = 0;
  Metrics numbers;
  auto counted = Server::Start({.metrics = &numbers}, {}, {});
  ASSERT_TRUE(counted.ok());
  const SelfCheck check({.address = absl::StrCat("127.0.0.1:", (*counted)->port()),
                         .credentials = grpc::InsecureChannelCredentials(),
                         .interval = milliseconds(1),
                         .timeout = std::chrono::seconds(60),
                         .most_failures = 1},
                        [&] { ++dead; });
  const std::string ten =
      "grpc_server_handled_total{grpc_method=\"Check\",grpc_service=\"grpc.health.v1.Health\",grpc_type=\"unary\",grpc_code="
      "\"OK\"} 10";
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(numbers.Text(), ten); })) << "it asks again and again";
  EXPECT_EQ(dead, 0);
}

TEST(RpcMetricsTest, CountUnknownMethodsAsOne) {
  RpcMetrics metrics({"grpc.health.v1.Health"});
  EXPECT_EQ(&metrics.Of("/nope/A"), &metrics.Of("/nope/B"));
  EXPECT_NE(&metrics.Of("/grpc.health.v1.Health/Check"), &metrics.Of("/grpc.health.v1.Health/Watch"));
  metrics.Of("/grpc.health.v1.Health/Check").Handled(5, milliseconds(3));
  const auto families = metrics.Collect();
  EXPECT_EQ(families.size(), 3u);
}

TEST(ServerTest, DoesNotShareItsPort) {
  auto first = Server::Start({}, {}, {});
  ASSERT_TRUE(first.ok());
  const auto second = Server::Start({.port = static_cast<std::uint16_t>((*first)->port())}, {}, {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(absl::StrCat((*first)->port())));
}

TEST(TraceparentTest, IsTakenAsTheStandardHasIt) {
  const std::string good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  EXPECT_TRUE(IsTraceparent(good));
  EXPECT_TRUE(IsTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings"));
  EXPECT_FALSE(IsTraceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-the-future-brings"));
  EXPECT_FALSE(IsTraceparent(good + "-more"));
  EXPECT_FALSE(IsTraceparent(""));
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = 'G';
    EXPECT_FALSE(IsTraceparent(bad)) << bad;
  }
  EXPECT_EQ(ChildOf(good).substr(0, 36), good.substr(0, 36));
  EXPECT_TRUE(IsTraceparent(ChildOf(good)));
  EXPECT_TRUE(IsTraceparent(ChildOf("nonsense")));
  EXPECT_NE(ChildOf(""), ChildOf(""));
}

class FileWatcherTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) const {
    std::ofstream(path_ + ".new") << text;
    std::rename((path_ + ".new").c_str(), path_.c_str());
  }
  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/file";
};

TEST_F(FileWatcherTest, HandsOutWhatChangedOnceAndCountsWhatWasRefused) {
  Write("one");
  Mutex mu;
  std::vector<std::string> seen;
  const FileWatcher watcher({path_}, {"one"}, milliseconds(1), [&](const std::vector<std::string>& contents) -> absl::Status {
    MutexLock lock(mu);
    seen.push_back(contents[0]);
    return contents[0] == "bad" ? absl::InvalidArgumentError("bad") : absl::OkStatus();
  });
  Write("two");
  EXPECT_TRUE(Eventually([&] { return watcher.taken() == 1; }));
  Write("bad");
  EXPECT_TRUE(Eventually([&] { return watcher.refused() == 1; }));
  std::remove(path_.c_str());
  EXPECT_TRUE(Eventually([&] { return watcher.refused() == 2; }));
  Write("three");
  EXPECT_TRUE(Eventually([&] { return watcher.taken() == 2; }));
  MutexLock lock(mu);
  EXPECT_THAT(seen, ElementsAre("two", "bad", "three"));
}

TEST_F(FileWatcherTest, SaysWhichFileCannotBeRead) {
  const auto absent = ReadFile(path_);
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(absent.status().message()), HasSubstr(path_));
  EXPECT_FALSE(ReadFile(folder_.path()).ok());
}

}  // namespace
}  // namespace perennial
