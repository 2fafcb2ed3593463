// segment-svc as its callers and the services it follows see it.

#include "segment-svc/process.h"

#include <gmock/gmock.h>

#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/segments/process_fixture.h"

namespace perennial::segments {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using testing::ProcessTest;

TEST_F(ProcessTest, MembershipFollowsFactsAndScores) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  ASSERT_TRUE(Create("red", "health.band = \"red\"").ok());
  EXPECT_THAT(MembersAt("big", 0), ElementsAre("accounts/beta"));
  const std::int64_t revision = upstream_.Put("acme", {{"mrr", 200.0}});
  upstream_.PutScore("acme", {.score = 10, .band = "red"});
  upstream_.SetScored();
  EXPECT_THAT(MembersAt("big", revision), ElementsAre("accounts/acme", "accounts/beta"));
  EXPECT_THAT(MembersAt("red", revision), ElementsAre("accounts/acme"));
}

TEST_F(ProcessTest, KnowsFlagRulesThatNobodyHasRaised) {
  upstream_.SetRules({"usage-falling"});
  Restart();
  EXPECT_TRUE(Create("falling", "flags.usage_falling = true").ok());
}

TEST_F(ProcessTest, WaitsForFactsAndGivesUpAtTheDeadline) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  const std::int64_t revision = upstream_.Put("acme", {{"mrr", 200.0}});
  // Facts are in, but not scored.
  v1::ListMembersRequest request;
  request.set_parent("segments/big");
  request.set_min_facts_revision(revision);
  v1::ListMembersResponse response;
  EXPECT_EQ(ListMembers(request, &response, std::chrono::milliseconds(50)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  upstream_.SetOnlyScored();
  EXPECT_EQ(ListMembers(request, &response, std::chrono::milliseconds(50)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  upstream_.SetValued();
  EXPECT_TRUE(ListMembers(request, &response).ok());
  EXPECT_EQ(response.total_size(), 2);
}

TEST_F(ProcessTest, AnswersWhileManyCallsWaitForFacts) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  // More than the server has threads.
  constexpr int kWaiting = 64;
  std::vector<std::thread> waiting;
  const std::int64_t next = upstream_.revision() + 1;
  for (int i = 0; i < kWaiting; ++i) {
    waiting.emplace_back([&] { EXPECT_THAT(MembersAt("big", next), SizeIs(2)); });
  }
  EXPECT_TRUE(Eventually([&] { return process_->gate().waiting() == kWaiting; }));
  EXPECT_THAT(MembersAt("big", 0), SizeIs(1));
  upstream_.Put("acme", {{"mrr", 200.0}});
  upstream_.SetScored();
  for (std::thread& thread : waiting) thread.join();
}

TEST_F(ProcessTest, PagesThroughMembers) {
  for (const char* id : {"c", "d", "e"}) upstream_.Put(id, {{"mrr", 200.0}});
  upstream_.SetScored();
  ASSERT_TRUE(Create("all", "mrr > 0").ok());
  ASSERT_THAT(MembersAt("all", upstream_.revision()), SizeIs(5));
  v1::ListMembersRequest request;
  request.set_parent("segments/all");
  request.set_page_size(2);
  std::vector<std::string> accounts;
  std::vector<int> pages;
  do {
    v1::ListMembersResponse response;
    ASSERT_TRUE(ListMembers(request, &response).ok());
    EXPECT_EQ(response.total_size(), 5);
    pages.push_back(response.members_size());
    for (const auto& member : response.members()) {
      accounts.push_back(member.account());
      EXPECT_EQ(member.segment(), "segments/all");
      EXPECT_TRUE(member.has_enter_time());
      EXPECT_FALSE(member.has_leave_time());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(accounts, ElementsAre("accounts/acme", "accounts/beta", "accounts/c", "accounts/d", "accounts/e"));
  EXPECT_THAT(pages, ElementsAre(2, 2, 1));
}

TEST_F(ProcessTest, ListsTheSegmentsOfAnAccountAndThoseItLeft) {
  ASSERT_TRUE(Create("any", "mrr > 0").ok());
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  const std::int64_t revision = upstream_.Put("beta", {{"mrr", 10.0}});
  upstream_.SetScored();
  v1::ListAccountSegmentsRequest request;
  request.set_account("accounts/beta");
  request.set_min_facts_revision(revision);
  v1::ListAccountSegmentsResponse response;
  ASSERT_TRUE(ListAccountSegments(request, &response).ok());
  ASSERT_EQ(response.memberships_size(), 1);
  EXPECT_EQ(response.memberships(0).segment(), "segments/any");
  request.set_show_left(true);
  request.set_page_size(1);
  ASSERT_TRUE(ListAccountSegments(request, &response).ok());
  ASSERT_EQ(response.memberships_size(), 1);
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(ListAccountSegments(request, &response).ok());
  ASSERT_EQ(response.memberships_size(), 1);
  const v1::Membership& left = response.memberships(0);
  EXPECT_EQ(left.segment(), "segments/big");
  EXPECT_EQ(left.enter_cause(), v1::MEMBERSHIP_CAUSE_DEFINITION);
  EXPECT_EQ(left.leave_cause(), v1::MEMBERSHIP_CAUSE_DATA);
  EXPECT_TRUE(left.has_leave_time());
  EXPECT_TRUE(response.next_page_token().empty());
}

TEST_F(ProcessTest, TellsAnAccountInNoSegmentFromOneThatIsNotThere) {
  v1::ListAccountSegmentsRequest request;
  request.set_account("accounts/acme");
  v1::ListAccountSegmentsResponse response;
  EXPECT_TRUE(ListAccountSegments(request, &response).ok());
  EXPECT_EQ(response.memberships_size(), 0);
  request.set_account("accounts/nobody");
  EXPECT_EQ(ListAccountSegments(request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProcessTest, RefusesBadListRequests) {
  v1::ListMembersRequest members;
  v1::ListMembersResponse members_response;
  EXPECT_EQ(ListMembers(members, &members_response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  members.set_parent("segments/none");
  EXPECT_EQ(ListMembers(members, &members_response).error_code(), grpc::StatusCode::NOT_FOUND);
  members.set_parent("accounts/none");
  members.set_page_size(-1);
  members.set_page_token("???");
  members.set_min_facts_revision(-1);
  const grpc::Status status = ListMembers(members, &members_response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"parent", "page_size", "page_token", "min_facts_revision"}) {
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr(field));
  }
  v1::ListAccountSegmentsRequest segments;
  segments.set_account("segments/acme");
  segments.set_page_size(-1);
  segments.set_min_facts_revision(-1);
  v1::ListAccountSegmentsResponse segments_response;
  const grpc::Status refused = ListAccountSegments(segments, &segments_response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"account", "page_size", "min_facts_revision"}) {
    EXPECT_THAT(refused.error_message(), ::testing::HasSubstr(field));
  }
}

TEST_F(ProcessTest, RefusesTheTokenOfAnotherRequest) {
  upstream_.SetScored();
  ASSERT_TRUE(Create("a", "mrr > 0").ok());
  ASSERT_TRUE(Create("b", "mrr > 0").ok());
  v1::ListMembersRequest request;
  request.set_parent("segments/a");
  request.set_page_size(1);
  v1::ListMembersResponse response;
  ASSERT_TRUE(ListMembers(request, &response).ok());
  ASSERT_FALSE(response.next_page_token().empty());
  request.set_parent("segments/b");
  request.set_page_token(response.next_page_token());
  EXPECT_EQ(ListMembers(request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ProcessTest, EndsWatchesAndWaitsWhenItStops) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  // Over a socket: a call on an in-process channel whose server stops crashes gRPC 1.51.
  segments_ = v1::SegmentService::NewStub(MakeChannel(absl::StrCat("127.0.0.1:", process_->server().port())));
  grpc::ClientContext context;
  SetDeadline(context);
  const auto reader = segments_->WatchMembership(&context, {});
  v1::WatchMembershipResponse message;
  ASSERT_TRUE(reader->Read(&message));
  std::thread waits([&] {
    v1::ListMembersRequest request;
    request.set_parent("segments/big");
    request.set_min_facts_revision(1000);
    v1::ListMembersResponse response;
    EXPECT_EQ(ListMembers(request, &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  });
  ASSERT_TRUE(Eventually([&] { return process_->gate().waiting() == 1; }));
  process_->Stop();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  waits.join();
}

TEST_F(ProcessTest, ARestartGivesTheSameEvents) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  upstream_.Put("acme", {{"mrr", 200.0}});
  upstream_.SetScored();
  const Watched before = Watch(0);
  ASSERT_EQ(before.events.size(), 2U);
  Restart();
  const Watched same = Watch(0);
  ASSERT_EQ(same.events.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(same.events[i].SerializeAsString(), before.events[i].SerializeAsString());
  }
  process_.reset();
  upstream_.Delete("beta");
  upstream_.SetScored();
  Start();
  const Watched after = Watch(2);
  ASSERT_EQ(after.events.size(), 1U);
  EXPECT_EQ(after.events[0].account(), "accounts/beta");
  EXPECT_EQ(after.events[0].kind(), v1::MEMBERSHIP_EVENT_KIND_LEFT);
}

TEST_F(ProcessTest, AnswersFromItsStoreWhileTheOthersAreDown) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  process_.reset();
  upstream_.SetDown(true);
  Start();
  EXPECT_THAT(MembersAt("big", 0), ElementsAre("accounts/beta"));
  EXPECT_EQ(Create("more", "mrr > 1").error_code(), grpc::StatusCode::UNAVAILABLE);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetPortfolioReportResponse report;
  EXPECT_EQ(portfolio_->GetPortfolioReport(&context, {}, &report).error_code(), grpc::StatusCode::UNAVAILABLE);
  upstream_.SetDown(false);
  ASSERT_TRUE(Eventually([&] { return process_->engine().ready(); }));
  EXPECT_THAT(MembersAt("big", 0), ElementsAre("accounts/beta"));
}

TEST_F(ProcessTest, ResumesAFeedThatBroke) {
  ASSERT_TRUE(Create("big", "mrr > 100").ok());
  upstream_.SetDown(true);
  upstream_.Put("acme", {{"mrr", 200.0}});
  upstream_.SetScored();
  upstream_.SetDown(false);
  EXPECT_THAT(MembersAt("big", upstream_.revision()), SizeIs(2));
}

TEST_F(ProcessTest, FollowsAHealthServiceThatHasStartedOver) {
  ASSERT_TRUE(Create("red", "health.band = \"red\"").ok());
  for (int i = 0; i < 5; ++i) upstream_.PutScore("acme", {.score = 10, .band = "red"});
  ASSERT_TRUE(
      Eventually([&] { return process_->engine().scores_resume() == 5 && MembersAt("red", 0).size() == 1; }));
  upstream_.LoseScores();
  upstream_.PutScore("acme", {.score = 90, .band = "green"});
  upstream_.PutScore("beta", {.score = 10, .band = "red"});
  EXPECT_TRUE(Eventually([&] { return MembersAt("red", 0) == std::set<std::string>{"accounts/beta"}; }));
}

TEST_F(ProcessTest, ReportsThePortfolio) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetPortfolioReportRequest request;
  request.set_audience(v1::REPORT_AUDIENCE_SUCCESS);
  request.set_min_facts_revision(upstream_.revision());
  v1::GetPortfolioReportResponse report;
  ASSERT_TRUE(portfolio_->GetPortfolioReport(&context, request, &report).ok());
  EXPECT_EQ(report.accounts(), 2);
  EXPECT_EQ(report.mrr().amount(), "550");
}

TEST_F(ProcessTest, SharesItsFolderWithNobody) {
  const auto second = Process::Start(Options(), clock_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SweeperTest, LooksOnceAMinuteAndRightAfterMidnight) {
  const absl::Time midnight = absl::FromCivil(absl::CivilDay(2025, 1, 1), absl::UTCTimeZone());
  EXPECT_EQ(UntilNextSweep(midnight), absl::Minutes(1));
  EXPECT_EQ(UntilNextSweep(midnight + absl::Hours(12)), absl::Minutes(1));
  EXPECT_EQ(UntilNextSweep(midnight - absl::Seconds(5)), absl::Seconds(5));
}

}  // namespace
}  // namespace perennial::segments
