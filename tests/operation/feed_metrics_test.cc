// What is told of feeds: how far a reader lags, how fresh what it does is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/time_util.h"
#include "common/feed/freshness.h"
#include "common/feed/stream_follower.h"
#include "common/server/metrics_scope.h"
#include "common/server/server.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"
#include "tests/operation/collector.h"

namespace perennial {
namespace {

using accounts::v1::WatchFactsResponse;
using ::testing::HasSubstr;
using testing::ComesTrue;

// Says "not caught up", then what it is told, until it is stopped.
class FakeFeed final : public accounts::v1::FactService::Service {
 public:
  grpc::Status WatchFacts(grpc::ServerContext* context, const accounts::v1::WatchFactsRequest*,
                          grpc::ServerWriter<WatchFactsResponse>* writer) override {
    bool told = false;
    writer->Write({});
    while (!context->IsCancelled() && !stopping) {
      if (caught_up && !told) {
        WatchFactsResponse message;
        message.set_caught_up(true);
        told = writer->Write(message);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return {grpc::StatusCode::UNAVAILABLE, "stopping"};
  }
  std::atomic<bool> caught_up = false;
  std::atomic<bool> stopping = false;
};

TEST(FeedLagTest, GrowsUntilAllHasBeenAppliedAndWhileTheStreamIsBroken) {
  FakeFeed feed;
  auto server = Server::Start({}, {&feed}, {});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = accounts::v1::FactService::NewStub(MakeChannel(absl::StrCat("127.0.0.1:", (*server)->port())));
  std::atomic<int> applied = 0;
  const StreamFollower<WatchFactsResponse> follower(
      "facts", [&](grpc::ClientContext* context) { return stub->WatchFacts(context, {}); },
      [&](const WatchFactsResponse&) {
        ++applied;
        return absl::OkStatus();
      });
  ASSERT_TRUE(ComesTrue([&] { return applied > 0; }));
  EXPECT_GT(follower.lag_seconds(), 0);
  feed.caught_up = true;
  EXPECT_TRUE(ComesTrue([&] { return follower.lag_seconds() == 0; }));
  feed.stopping = true;
  EXPECT_TRUE(ComesTrue([&] { return follower.lag_seconds() > 0; }));
}

class FreshnessTest : public ::testing::Test {
 protected:
  // A message with a row that was committed so long ago.
  static WatchFactsResponse Row(absl::Duration ago, bool caught_up) {
    WatchFactsResponse message;
    SetTimestamp(Now() - ago, message.add_rows()->mutable_as_of());
    message.set_caught_up(caught_up);
    return message;
  }
  static absl::Time Now() { return absl::FromUnixSeconds(1'700'000'000); }
  [[nodiscard]] std::string Text() const { return metrics_.Text(); }

  const FixedClock clock_{Now()};
  Metrics metrics_;
  Freshness freshness_{metrics_, "perennial_test_freshness_seconds", "For the test.", clock_};
};

TEST_F(FreshnessTest, CountsWhatComesOnceAllWasTold) {
  freshness_.Opened(0);
  freshness_.Applied(Row(absl::Hours(5), false));
  freshness_.Applied(Row(absl::Hours(4), true));
  EXPECT_THAT(Text(), HasSubstr("perennial_test_freshness_seconds_count 0"));
  freshness_.Applied(Row(absl::Milliseconds(20), true));
  EXPECT_THAT(Text(), HasSubstr("perennial_test_freshness_seconds_count 1"));
  EXPECT_THAT(Text(), HasSubstr("perennial_test_freshness_seconds_bucket{le=\"0.025\"} 1"));
  EXPECT_THAT(Text(), HasSubstr("perennial_test_freshness_seconds_bucket{le=\"0.01\"} 0"));
}

TEST_F(FreshnessTest, CountsWhatComesLateAsTheStreamWasBrokenButNotWhatIsReadAgain) {
  freshness_.Applied(Row(absl::Hours(4), true));
  freshness_.Opened(17);
  freshness_.Applied(Row(absl::Minutes(4), true));
  EXPECT_THAT(Text(), HasSubstr("perennial_test_freshness_seconds_count 1"));
  freshness_.Opened(0);
  freshness_.Applied(Row(absl::Hours(4), false));
  EXPECT_THAT(Text(), HasSubstr("perennial_test_freshness_seconds_count 1"));
}

TEST(MetricsScopeTest, ReadsNothingOnceItIsClosed) {
  Metrics metrics;
  auto number = std::make_unique<double>(7);
  {
    MetricsScope scope(metrics);
    scope.GaugeFrom("perennial_test_number", "For the test.", {}, [&number] { return *number; });
    EXPECT_THAT(metrics.Text(), HasSubstr("perennial_test_number 7"));
  }
  number = nullptr;
  EXPECT_THAT(metrics.Text(), HasSubstr("perennial_test_number 7"));
}

TEST(MetricsScopeTest, TellsHowBusyAPoolIs) {
  Metrics metrics;
  std::atomic<bool> go_on = false;
  WorkerPool pool({.threads = 1, .max_queued = 2});
  MetricsScope scope(metrics);
  MeasurePool("calls", pool, scope);
  ASSERT_TRUE(pool.TryRun([&] { ComesTrue([&] { return go_on.load(); }); }));
  ASSERT_TRUE(ComesTrue([&] { return pool.queued() == 0; }));
  ASSERT_TRUE(pool.TryRun([] {}));
  ASSERT_TRUE(pool.TryRun([] {}));
  EXPECT_FALSE(pool.TryRun([] {}));
  EXPECT_THAT(metrics.Text(), HasSubstr("perennial_pool_queued{pool=\"calls\"} 2"));
  EXPECT_THAT(metrics.Text(), HasSubstr("perennial_pool_refused_total{pool=\"calls\"} 1"));
  go_on = true;
}

}  // namespace
}  // namespace perennial
