// kill -9 of any process at any moment: nothing acknowledged is lost, nothing counts twice, the same answers.
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;
namespace segments = perennial::segments::v1;

constexpr int kAccounts = 40;
constexpr int kBatch = 20;
constexpr char kDay[] = "2024-12-31T12:00:00Z";
constexpr std::int64_t kDaySeconds = 1735646400;  // kDay since 1970

bool Long() { return std::getenv("PERENNIAL_LONG") != nullptr; }

accounts::Record NewAccount(int i) {
  accounts::Record record;
  record.set_account(absl::StrCat("accounts/a", i));
  record.mutable_event_time()->set_seconds(kDaySeconds - 86400 * 200);
  record.mutable_account_state()->set_display_name(absl::StrCat("Account ", i));
  return record;
}

accounts::Record NewSubscription(int i) {
  accounts::Record record;
  record.set_account(absl::StrCat("accounts/a", i));
  record.mutable_event_time()->set_seconds(kDaySeconds - 86400 * 200);
  auto* subscription = record.mutable_subscription_state();
  subscription->set_name(absl::StrCat("accounts/a", i, "/subscriptions/s"));
  subscription->set_plan("Pro");
  subscription->set_seats(10);
  subscription->mutable_mrr()->set_amount(absl::StrCat(100 + i));
  subscription->mutable_mrr()->set_currency_code("USD");
  *subscription->mutable_start_time() = record.event_time();
  return record;
}

// The n-th usage event: account, day and value follow from n, so that sums can be recomputed.
accounts::Record NewUsage(std::int64_t n) {
  accounts::Record record;
  record.set_record_id(absl::StrCat("u", n));
  record.set_account(absl::StrCat("accounts/a", n % kAccounts));
  record.mutable_event_time()->set_seconds(kDaySeconds - 86400 * (n * 7 % 89));
  record.mutable_usage()->set_metric("logins");
  record.mutable_usage()->set_value(static_cast<double>(n % 5 + 1));
  return record;
}

// Streams usage batches until it is told to stop; after any failure sends again what was not acknowledged.
class Sender {
 public:
  explicit Sender(const Suite& suite) : suite_(suite), thread_([this] { Loop(); }) {}
  ~Sender() { Stop(); }
  // Stops after the batch in hand is acknowledged.
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::int64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::int64_t resent_and_known() const { return duplicates_; }

 private:
  void Loop() {
    std::int64_t next = 0;
    bool failed = false;
    while (!stop_ || failed) {
      const Stubs stubs(suite_.Channel());
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
      const auto stream = stubs.ingest->StreamRecords(&context);
      failed = false;
      while (!stop_ || failed) {
        accounts::StreamRecordsRequest request;
        request.set_batch_id(next);
        for (std::int64_t n = next; n < next + kBatch; ++n) *request.add_records() = NewUsage(n);
        accounts::StreamRecordsResponse response;
        if (!stream->Write(request) || !stream->Read(&response)) {
          failed = true;
          break;
        }
        ASSERT_EQ(response.batch_id(), next);
        ASSERT_EQ(response.summary().errors_size(), 0) << response.ShortDebugString();
        ASSERT_EQ(response.summary().stored() + response.summary().duplicates(), kBatch);
        duplicates_ += response.summary().duplicates();
        next += kBatch;
        acknowledged_ = next;
      }
      context.TryCancel();
      stream->Finish();
      if (failed) absl::SleepFor(absl::Milliseconds(20));
    }
  }

  const Suite& suite_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::int64_t> acknowledged_ = 0;
  std::atomic<std::int64_t> duplicates_ = 0;
  std::thread thread_;
};

class CrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
    accounts::WriteRecordsRequest request;
    for (int i = 0; i < kAccounts; ++i) *request.add_records() = NewAccount(i);
    for (int i = 0; i < kAccounts; ++i) *request.add_records() = NewSubscription(i);
    accounts::WriteRecordsResponse response;
    const Stubs stubs(suite_.Channel());
    const grpc::Status status = Call(*stubs.ingest, &accounts::IngestService::Stub::WriteRecords, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.summary().stored(), 2 * kAccounts) << response.ShortDebugString();
  }

  // Sums of the last 90 days by account, as the facts say.
  std::map<std::string, double> UsageOfFacts(const Stubs& stubs) {
    std::map<std::string, double> sums;
    for (int i = 0; i < kAccounts; ++i) {
      accounts::GetFactsRequest request;
      request.set_name(absl::StrCat("accounts/a", i));
      accounts::GetFactsResponse response;
      const grpc::Status status = Call(*stubs.facts, &accounts::FactService::Stub::GetFacts, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& fact : response.facts()) {
        if (fact.name() == "usage.logins.sum_90d") sums[request.name()] = fact.number();
      }
      revision_ = std::max(revision_, response.revision());
    }
    return sums;
  }

  segments::GetPortfolioReportResponse Report(const Stubs& stubs) {
    segments::GetPortfolioReportRequest request;
    request.set_min_facts_revision(revision_);
    segments::GetPortfolioReportResponse report;
    const grpc::Status status =
        Call(*stubs.portfolio, &segments::PortfolioService::Stub::GetPortfolioReport, request, &report);
    EXPECT_TRUE(status.ok()) << status.error_message() << suite_.Logs();
    return report;
  }

  Suite suite_{kDay};
  std::int64_t revision_ = 0;
};

TEST_F(CrashTest, LosesNothingAcknowledgedAndCountsNothingTwice) {
  std::minstd_rand random(20241231);
  Sender sender(suite_);
  const int rounds = Long() ? 200 : 8;
  for (int round = 0; round < rounds; ++round) {
    absl::SleepFor(absl::Milliseconds(50 + random() % 250));
    const Part part = kServices[random() % 4];
    SCOPED_TRACE(absl::StrCat("round ", round, ": ", NameOf(part)));
    suite_.Restart(part);
  }
  ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  const std::int64_t before = sender.acknowledged();
  // Going on works: at least one more batch gets through everything that was restarted.
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (sender.acknowledged() == before && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_GT(sender.acknowledged(), before) << suite_.Logs();
  sender.Stop();

  const Stubs stubs(suite_.Channel());
  std::map<std::string, double> expected;
  for (std::int64_t n = 0; n < sender.acknowledged(); ++n) {
    expected[NewUsage(n).account()] += NewUsage(n).usage().value();
  }
  EXPECT_EQ(UsageOfFacts(stubs), expected);

  // What follows from the facts is the same as after a clean start of everything.
  const segments::GetPortfolioReportResponse report = Report(stubs);
  for (const Part part : kServices) EXPECT_EQ(suite_.Terminate(part), 0) << NameOf(part);
  for (const Part part : kServices) suite_.Start(part);
  ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  google::protobuf::util::MessageDifferencer differences;
  std::string found;
  differences.ReportDifferencesToString(&found);
  EXPECT_TRUE(differences.Compare(report, Report(Stubs(suite_.Channel())))) << found;
}

TEST_F(CrashTest, MembershipEventsApplyToTheMembership) {
  std::minstd_rand random(7);
  {
    Sender sender(suite_);
    for (int round = 0; round < (Long() ? 40 : 4); ++round) {
      absl::SleepFor(absl::Milliseconds(100 + random() % 200));
      suite_.Restart(round % 2 == 0 ? Part::kSegments : Part::kHealth);
    }
  }
  ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  const Stubs stubs(suite_.Channel());
  UsageOfFacts(stubs);
  Report(stubs);  // waits until the segments have seen everything

  std::map<std::string, std::set<std::string>> replayed;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stream = stubs.segments->WatchMembership(&context, segments::WatchMembershipRequest());
  segments::WatchMembershipResponse message;
  std::int64_t last = 0;
  while (stream->Read(&message)) {
    for (const auto& event : message.events()) {
      EXPECT_EQ(event.revision(), last + 1);
      last = event.revision();
      auto& members = replayed[event.segment()];
      if (event.kind() == segments::MEMBERSHIP_EVENT_KIND_ENTERED) {
        EXPECT_TRUE(members.insert(event.account()).second) << event.ShortDebugString();
      } else {
        EXPECT_EQ(members.erase(event.account()), 1U) << event.ShortDebugString();
      }
    }
    if (message.caught_up()) break;
  }
  context.TryCancel();

  segments::ListSegmentsResponse list;
  ASSERT_TRUE(Call(*stubs.segments, &segments::SegmentService::Stub::ListSegments, segments::ListSegmentsRequest(), &list).ok());
  ASSERT_GE(list.segments_size(), 6);
  for (const auto& segment : list.segments()) {
    segments::ListMembersRequest request;
    request.set_parent(segment.name());
    request.set_page_size(1000);
    segments::ListMembersResponse members;
    ASSERT_TRUE(Call(*stubs.segments, &segments::SegmentService::Stub::ListMembers, request, &members).ok());
    std::set<std::string> now;
    for (const auto& member : members.members()) now.insert(member.account());
    EXPECT_EQ(now, replayed[segment.name()]) << segment.name();
  }
}

TEST_F(CrashTest, AnswersStayRightWithoutRedis) {
  const Stubs stubs(suite_.Channel());
  UsageOfFacts(stubs);
  const segments::GetPortfolioReportResponse with_redis = Report(stubs);
  suite_.Kill(Part::kRedis);

  accounts::WriteRecordsRequest request;
  for (std::int64_t n = 0; n < 200; ++n) *request.add_records() = NewUsage(n);
  accounts::WriteRecordsResponse written;
  ASSERT_TRUE(Call(*stubs.ingest, &accounts::IngestService::Stub::WriteRecords, request, &written).ok());
  EXPECT_EQ(written.summary().stored(), 200);
  std::map<std::string, double> without;
  for (int i = 0; i < kAccounts; ++i) {
    health::GetHealthScoreRequest get;
    get.set_name(absl::StrCat("accounts/a", i));
    get.set_min_facts_revision(written.summary().revision());
    health::GetHealthScoreResponse response;
    const grpc::Status status = Call(*stubs.scores, &health::HealthScoreService::Stub::GetHealthScore, get, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    without[get.name()] = response.health_score().has_score() ? response.health_score().score() : -1;
  }
  // The same scores come out with Redis there again and health-svc started anew.
  suite_.Start(Part::kRedis);
  suite_.Restart(Part::kHealth);
  ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  for (const auto& [name, score] : without) {
    health::GetHealthScoreRequest get;
    get.set_name(name);
    get.set_min_facts_revision(written.summary().revision());
    health::GetHealthScoreResponse response;
    ASSERT_TRUE(Call(*stubs.scores, &health::HealthScoreService::Stub::GetHealthScore, get, &response).ok());
    EXPECT_EQ(response.health_score().has_score() ? response.health_score().score() : -1, score) << name;
  }
  EXPECT_EQ(Report(stubs).mrr().amount(), with_redis.mrr().amount());
}

}  // namespace
}  // namespace perennial::testing
