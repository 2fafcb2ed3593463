// Metrics of a segment, beside the portfolio's, and their days.

#include "segment-svc/segment_metrics.h"

#include <gmock/gmock.h>

#include "common/base/time_util.h"
#include "segment-svc/snapshots.h"
#include "tests/segments/engagement_fixture.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::EngineTest;
using testing::FieldsOf;

class SegmentMetricsTest : public EngineTest {
 protected:
  SegmentMetricsTest() {
    OpenSnapshots();
    accounts.Define("mrr", facts::FactType::kNumber);
    Sync();
    Create("big", "mrr >= 100");
  }
  void OpenSnapshots() {
    snapshots.reset();
    snapshot_store.reset();
    auto opened = SnapshotStore::Open(folder.path() + "/metrics.db");
    ASSERT_THAT(opened, IsOk());
    snapshot_store = *std::move(opened);
    snapshots = std::make_unique<Snapshots>(*engine, *snapshot_store, "USD");
  }
  absl::StatusOr<v1::GetSegmentMetricsResponse> Get(int days = 0) {
    v1::GetSegmentMetricsRequest request;
    request.set_name("segments/big");
    request.set_history_days(days);
    return SegmentMetricsReader(*engine, *snapshot_store, "USD").Get(request);
  }
  template <class History>
  static std::vector<std::string> Days(const History& history) {
    std::vector<std::string> days;
    for (const auto& snapshot : history) {
      days.push_back(snapshot.date() + " " + std::to_string(snapshot.metrics().accounts()) + " " +
                     snapshot.metrics().mrr().amount());
    }
    return days;
  }
  // `days` after 2024-12-31, at `hour`.
  void SetClock(int days, int hour) {
    clock.Set(absl::FromCivil(absl::CivilDay(2024, 12, 31) + days, absl::UTCTimeZone()) + absl::Hours(hour));
  }

  std::unique_ptr<SnapshotStore> snapshot_store;
  std::unique_ptr<Snapshots> snapshots;
};

TEST_F(SegmentMetricsTest, GivesTheWorkedExampleOfTheSegmentAndAnotherOfThePortfolio) {
  accounts.Put("shrinks", {{"mrr", 75000.0}, {"revenue.start_365d", 100000.0}, {"revenue.contraction_365d", 25000.0}});
  accounts.Put("grows", {{"mrr", 550000.0}, {"revenue.start_365d", 400000.0}, {"revenue.expansion_365d", 150000.0}});
  accounts.Put("stays", {{"mrr", 475000.0}, {"revenue.start_365d", 500000.0}, {"revenue.contraction_365d", 25000.0}});
  accounts.Put("lost", {{"mrr", 0.0}, {"revenue.start_365d", 1000000.0}, {"revenue.churned_365d", 1000000.0}});
  scores.Put("grows", {.score = 90.0, .band = "green", .facts_revision = accounts.revision()});
  scores.Put("shrinks",
             {.score = 10.0, .band = "red", .open_flags = {"usage-falling"}, .facts_revision = accounts.revision()});
  Sync();
  const auto got = Get();
  ASSERT_THAT(got, IsOk());
  const v1::SegmentMetrics& big = got->metrics();
  EXPECT_EQ(big.accounts(), 3);
  EXPECT_EQ(big.paying_accounts(), 3);
  EXPECT_EQ(big.mrr().amount(), "1100000");
  EXPECT_EQ(big.average_mrr().amount(), "366666.666667");
  EXPECT_DOUBLE_EQ(big.mean_score(), 50);
  EXPECT_DOUBLE_EQ(big.score_coverage(), 2.0 / 3);
  EXPECT_EQ(big.mrr_at_risk().amount(), "75000");
  ASSERT_EQ(big.flags_size(), 1);
  EXPECT_EQ(big.flags(0).rule(), "usage-falling");
  ASSERT_EQ(big.revenue_size(), 3);
  const v1::RevenueWindow& year = big.revenue(2);
  EXPECT_DOUBLE_EQ(year.nrr(), 1.10);
  EXPECT_DOUBLE_EQ(year.grr(), 0.95);
  EXPECT_DOUBLE_EQ(year.expansion_rate(), 0.15);
  EXPECT_DOUBLE_EQ(year.logo_churn_rate(), 0);
  EXPECT_FALSE(big.revenue(0).has_expansion_rate());
  EXPECT_EQ(got->portfolio().accounts(), 4);
  EXPECT_DOUBLE_EQ(got->portfolio().revenue(2).logo_churn_rate(), 0.25);
  EXPECT_DOUBLE_EQ(got->portfolio().revenue(2).nrr(), 0.55);
  EXPECT_EQ(got->facts_revision(), accounts.revision());
}

TEST_F(SegmentMetricsTest, KeepsEachDayAsItWasAtItsEnd) {
  accounts.Put("acme", {{"mrr", 100.0}});
  Sync();
  SetClock(1, 0);
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  accounts.Put("beta", {{"mrr", 900.0}});
  accounts.Put("tiny", {{"mrr", 1.0}});
  Sync();
  // Not every minute.
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  EXPECT_EQ(snapshot_store->Read(0, 0, 1 << 20)->front().metrics.accounts(), 1);
  SetClock(1, 23);
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  // Nobody looked on the day after that.
  SetClock(3, 5);
  accounts.Delete("acme");
  Sync();
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  accounts.Delete("tiny");
  Sync();
  SetClock(3, 5);
  EXPECT_THAT(Days(Get()->history()), ElementsAre("2025-01-01 2 1000", "2025-01-03 1 900"));
  EXPECT_THAT(Days(Get()->portfolio_history()), ElementsAre("2025-01-01 3 1001", "2025-01-03 1 900"));
  EXPECT_THAT(Days(Get(2)->history()), ElementsAre("2025-01-03 1 900"));
  EXPECT_THAT(Days(Get(3)->history()), ElementsAre("2025-01-01 2 1000", "2025-01-03 1 900"));
  OpenSnapshots();
  EXPECT_EQ(Get()->history_size(), 2);
}

TEST_F(SegmentMetricsTest, ALaterSegmentOfTheSameIdHasItsOwnDays) {
  SetClock(1, 0);
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  ASSERT_THAT(Delete("big"), IsOk());
  Create("big", "mrr >= 1");
  SetClock(2, 0);
  EXPECT_EQ(Get()->history_size(), 1);
  EXPECT_EQ(Get()->portfolio_history_size(), 2);
}

TEST_F(SegmentMetricsTest, TakesNothingBeforeEverythingIsKnown) {
  Restart();
  OpenSnapshots();
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  EXPECT_THAT(*snapshot_store->Read(0, 0, 1 << 20), IsEmpty());
  EXPECT_THAT(Get().status(), HasCode(absl::StatusCode::kUnavailable));
  Sync();
  ASSERT_THAT(snapshots->TakeIfDue(), IsOk());
  EXPECT_EQ(snapshot_store->Read(0, 0, 1 << 20)->size(), 1U);
}

TEST_F(SegmentMetricsTest, RefusesBadRequests) {
  v1::GetSegmentMetricsRequest request;
  request.set_name("big");
  request.set_history_days(-1);
  request.set_min_facts_revision(-1);
  const SegmentMetricsReader reader(*engine, *snapshot_store, "USD");
  EXPECT_THAT(FieldsOf(reader.Get(request).status()), ElementsAre("name", "history_days", "min_facts_revision"));
  v1::GetSegmentMetricsRequest none;
  none.set_name("segments/none");
  EXPECT_THAT(reader.Get(none).status(), HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace perennial::segments
