#include "segment-svc/freshness_gate.h"

#include <gmock/gmock.h>

#include <future>
#include <memory>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;

class FreshnessGateTest : public ::testing::Test {
 protected:
  static FreshnessGate::Time In(std::chrono::milliseconds time) { return std::chrono::system_clock::now() + time; }
  // Starts to wait; the future has what the gate answers.
  static std::future<absl::Status> Wait(FreshnessGate& gate, std::int64_t revision,
                                        std::chrono::milliseconds time = std::chrono::minutes(1)) {
    auto answer = std::make_shared<std::promise<absl::Status>>();
    gate.Wait(revision, In(time), [answer](const absl::Status& status) { answer->set_value(status); });
    return answer->get_future();
  }
  static bool IsThere(const std::future<absl::Status>& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
};

TEST_F(FreshnessGateTest, LetsThroughAtOnceWhatIsReached) {
  FreshnessGate gate;
  gate.Advance(5);
  EXPECT_TRUE(gate.Reached(5));
  EXPECT_FALSE(gate.Reached(6));
  EXPECT_THAT(Wait(gate, 5).get(), IsOk());
}

TEST_F(FreshnessGateTest, LetsThroughWhatHasBeenReachedAndNoMore) {
  FreshnessGate gate;
  auto five = Wait(gate, 5);
  auto six = Wait(gate, 6);
  EXPECT_FALSE(IsThere(five));
  gate.Advance(5);
  EXPECT_THAT(five.get(), IsOk());
  EXPECT_FALSE(IsThere(six));
  gate.Advance(7);
  EXPECT_THAT(six.get(), IsOk());
}

TEST_F(FreshnessGateTest, NeverGoesBack) {
  FreshnessGate gate;
  gate.Advance(7);
  gate.Advance(3);
  EXPECT_TRUE(gate.Reached(7));
}

TEST_F(FreshnessGateTest, BeginsAnewWithAnotherFeed) {
  FreshnessGate gate;
  gate.Advance(7);
  auto eight = Wait(gate, 8);
  gate.Advance(0, 1);
  EXPECT_FALSE(gate.Reached(7));
  gate.Advance(9, 0);  // late news of the feed before
  EXPECT_FALSE(gate.Reached(1));
  EXPECT_FALSE(IsThere(eight));
  gate.Advance(8, 1);
  EXPECT_THAT(eight.get(), IsOk());
}

TEST_F(FreshnessGateTest, TellsWhoWaitedTooLong) {
  FreshnessGate gate;
  auto late = Wait(gate, 5, std::chrono::milliseconds(1));
  auto patient = Wait(gate, 5);
  EXPECT_THAT(late.get(), HasCode(absl::StatusCode::kDeadlineExceeded));
  gate.Advance(5);
  EXPECT_THAT(patient.get(), IsOk());
}

TEST_F(FreshnessGateTest, RefusesMoreThanItsShare) {
  FreshnessGate gate("facts", 2);
  auto first = Wait(gate, 5);
  auto second = Wait(gate, 5);
  EXPECT_THAT(Wait(gate, 5).get(), HasCode(absl::StatusCode::kResourceExhausted));
  gate.Advance(5);
  EXPECT_THAT(first.get(), IsOk());
  EXPECT_THAT(second.get(), IsOk());
}

TEST_F(FreshnessGateTest, EndsAllWhenItCloses) {
  FreshnessGate gate;
  auto waiting = Wait(gate, 5);
  gate.Close();
  EXPECT_THAT(waiting.get(), HasCode(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Wait(gate, 5).get(), HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace perennial::segments
