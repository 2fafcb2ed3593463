#include "gateway/caller_limits.h"

#include <google/rpc/error_details.pb.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "gateway/call_limit.h"
#include "gateway/circuit_breaker.h"

namespace perennial::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const CallerLimits::Clock::time_point kStart = CallerLimits::Clock::time_point() + seconds(1000);

int RetryMilliseconds(const absl::Status& status) {
  google::rpc::RetryInfo info;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.RetryInfo");
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return -1;
  return static_cast<int>(info.retry_delay().seconds() * 1000 + info.retry_delay().nanos() / 1'000'000);
}

TEST(CallerLimitsTest, LetACallerBurstAndThenKeepToItsRate) {
  CallerLimits limits({.rate = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.Admit("ada", kStart).ok());
  const absl::Status refused = limits.Admit("ada", kStart).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryMilliseconds(refused), 100);
  EXPECT_TRUE(limits.Admit("bob", kStart).ok()) << "another caller has a rate of its own";
  EXPECT_FALSE(limits.Admit("ada", kStart + milliseconds(99)).ok());
  EXPECT_TRUE(limits.Admit("ada", kStart + milliseconds(101)).ok());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.Admit("ada", kStart + seconds(60)).ok()) << "rest gives no more than the burst";
  EXPECT_FALSE(limits.Admit("ada", kStart + seconds(60)).ok());
}

TEST(CallerLimitsTest, BoundTheCallsThatAreUnderWay) {
  CallerLimits limits({.concurrent = 2});
  auto first = limits.Admit("ada", kStart);
  auto second = limits.Admit("ada", kStart);
  ASSERT_TRUE(first.ok() && second.ok());
  const absl::Status refused = limits.Admit("ada", kStart).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(RetryMilliseconds(refused), 0);
  { const CallerLimits::Ticket over = *std::move(first); }
  EXPECT_TRUE(limits.Admit("ada", kStart).ok());
}

TEST(CallerLimitsTest, KeepNoMoreThanSomeCallersInMind) {
  CallerLimits limits({.rate = 1, .burst = 1});
  for (int i = 0; i < 30000; ++i) ASSERT_TRUE(limits.Admit(absl::StrCat("c", i), kStart + seconds(2 * i)).ok()) << i;
  int admitted = 0;
  for (int i = 0; i < 20000; ++i) admitted += limits.Admit(absl::StrCat("d", i), kStart + seconds(70000)).ok() ? 1 : 0;
  EXPECT_GE(admitted, 9999);
  EXPECT_LE(admitted, 10001) << "those for whom there is no room share one rate";
}

TEST(CallLimitTest, RefusesBulkReadsFirstAndWritesLast) {
  CallLimit limit(100);
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(limit.TryAdmit(Priority::kBulk));
  EXPECT_FALSE(limit.TryAdmit(Priority::kBulk));
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(limit.TryAdmit(Priority::kRead));
  EXPECT_FALSE(limit.TryAdmit(Priority::kRead));
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(limit.TryAdmit(Priority::kWrite));
  EXPECT_FALSE(limit.TryAdmit(Priority::kWrite));
  EXPECT_EQ(limit.refused(Priority::kBulk), 1);
  EXPECT_EQ(limit.refused(Priority::kWrite), 1);
  for (int i = 0; i < 100; ++i) limit.Release();
}

TEST(CircuitBreakerTest, OpensAfterFailuresInARowAndLetsOneCallThroughToSee) {
  using Outcome = CircuitBreaker::Outcome;
  CircuitBreaker breaker({.most_failures = 3, .open_for = seconds(1)});
  const auto now = CircuitBreaker::Clock::time_point() + seconds(1000);
  const auto call = [&](Outcome outcome, auto time) {
    const bool passed = breaker.TryPass(time);
    if (passed) breaker.Report(outcome, time);
    return passed;
  };
  EXPECT_TRUE(call(Outcome::kFailed, now));
  EXPECT_TRUE(call(Outcome::kFailed, now));
  EXPECT_TRUE(call(Outcome::kAnswered, now));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(call(Outcome::kFailed, now));
  EXPECT_TRUE(breaker.open());
  EXPECT_FALSE(breaker.TryPass(now));
  EXPECT_FALSE(breaker.TryPass(now + milliseconds(999)));
  EXPECT_TRUE(breaker.TryPass(now + seconds(1)));
  EXPECT_FALSE(breaker.TryPass(now + seconds(1))) << "one at a time";
  breaker.Report(Outcome::kFailed, now + seconds(1));
  EXPECT_FALSE(breaker.TryPass(now + milliseconds(1999)));
  EXPECT_TRUE(call(Outcome::kUnclear, now + seconds(2))) << "a caller that left says nothing";
  EXPECT_TRUE(breaker.open());
  EXPECT_TRUE(call(Outcome::kAnswered, now + seconds(2)));
  EXPECT_FALSE(breaker.open());
}

TEST(RetryBudgetTest, IsATenthOfWhatGoesWell) {
  RetryBudget budget;
  int spent = 0;
  while (budget.TrySpend()) ++spent;
  EXPECT_EQ(spent, 10);
  for (int i = 0; i < 11; ++i) budget.Earn();
  EXPECT_TRUE(budget.TrySpend());
  EXPECT_FALSE(budget.TrySpend());
}

}  // namespace
}  // namespace perennial::gateway
