// TimelineService over the wire.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;

class TimelineTest : public CareTest {
 protected:
  static v1::ListTimelineRequest Request() {
    v1::ListTimelineRequest request;
    request.set_parent("accounts/acme");
    return request;
  }
  // Entries of all pages.
  std::vector<v1::TimelineEntry> Entries(v1::ListTimelineRequest request = Request()) {
    std::vector<v1::TimelineEntry> entries;
    do {
      v1::ListTimelineResponse response;
      const grpc::Status status = Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_TRUE(response.next_page_token().empty() || response.entries_size() == request.page_size());
      entries.insert(entries.end(), response.entries().begin(), response.entries().end());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return entries;
  }
  static Fields Summaries(const std::vector<v1::TimelineEntry>& entries) {
    Fields summaries;
    for (const v1::TimelineEntry& entry : entries) summaries.push_back(entry.summary());
    return summaries;
  }
  v1::Record At(const std::string& id, int hours_ago) {
    v1::Record record = RecordOf("acme", id);
    SetTimestamp(clock_.Now() - absl::Hours(hours_ago), record.mutable_event_time());
    return record;
  }
  // One of each kind.
  void FillAll() {
    v1::Record ticket = At("1", 1);
    ticket.mutable_ticket()->set_topic("export fails");
    ticket.mutable_ticket()->set_priority(v1::TICKET_PRIORITY_URGENT);
    v1::Record call = At("1", 2);
    call.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
    call.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
    call.mutable_touchpoint()->set_summary("asked\nfor a discount");
    v1::Record survey = At("1", 3);
    survey.mutable_survey()->set_kind(v1::SURVEY_KIND_NPS);
    survey.mutable_survey()->set_score(9);
    v1::Record milestone = At("1", 4);
    milestone.mutable_milestone()->set_step("first_value");
    milestone.mutable_milestone()->set_progress(0.5);
    v1::Record leaving = At("1", 5);
    leaving.mutable_churn_report()->set_reason("pricing");
    Write({ticket, call, survey, milestone, leaving, Usage("acme", "u", "logins")});
    v1::CreateSubscriptionRequest subscription = SubscriptionOf("acme", "s", "100");
    SetTimestamp(clock_.Now() - absl::Hours(48), subscription.mutable_subscription()->mutable_start_time());
    ASSERT_TRUE(Create(subscription).ok());
    ASSERT_TRUE(Add(TaskOf("t")).ok());
  }
};

TEST_F(TimelineTest, AnAccountWithoutAPastHasNoEntry) {
  EXPECT_TRUE(Entries().empty());
  v1::ListTimelineRequest request = Request();
  request.set_parent("accounts/none");
  v1::ListTimelineResponse response;
  EXPECT_EQ(Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, request, &response).error_code(),
            StatusCode::NOT_FOUND);
}

TEST_F(TimelineTest, MergesAllKindsNewestFirst) {
  FillAll();
  EXPECT_EQ(Summaries(Entries()),
            (Fields{"Task: The t", "Ticket, urgent, open: export fails", "Call, inbound: asked for a discount", "NPS 9",
                    "Phase ADOPTION: " + Entries()[4].phase_change().cause(), "Reached first_value, 50 % of onboarding",
                    "Reported to leave: pricing", "New: 100 USD, MRR 100",
                    "Phase ONBOARDING: " + Entries()[8].phase_change().cause()}));
  for (const v1::TimelineEntry& entry : Entries()) EXPECT_NE(entry.entry_case(), v1::TimelineEntry::ENTRY_NOT_SET);
}

TEST_F(TimelineTest, PagesOfAnySizeGiveTheSame) {
  FillAll();
  const Fields all = Summaries(Entries());
  for (int size = 1; size <= 10; ++size) {
    v1::ListTimelineRequest request = Request();
    request.set_page_size(size);
    EXPECT_EQ(Summaries(Entries(request)), all) << "pages of " << size;
  }
}

TEST_F(TimelineTest, WhatHappenedAtTheSameMomentIsNeitherLostNorTwiceAtTheEdgeOfAPage) {
  std::vector<v1::Record> records;
  for (int i = 0; i < 6; ++i) {
    v1::Record call = At(absl::StrCat("a/", i), 0);
    call.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_EMAIL);
    call.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_OUTBOUND);
    call.mutable_touchpoint()->set_summary(absl::StrCat(i));
    records.push_back(call);
    v1::Record ticket = At(absl::StrCat("a/", i), 0);
    ticket.mutable_ticket()->set_topic(absl::StrCat(i));
    records.push_back(ticket);
    ASSERT_TRUE(Add(TaskOf(absl::StrCat("t", i))).ok());
  }
  Write(records);
  ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "100")).ok());
  const Fields all = Summaries(Entries());
  EXPECT_EQ(all.size(), 20U) << "and a phase and a movement";
  for (int size = 1; size <= 7; ++size) {
    v1::ListTimelineRequest request = Request();
    request.set_page_size(size);
    EXPECT_EQ(Summaries(Entries(request)), all) << "pages of " << size;
  }
}

TEST_F(TimelineTest, OnlyTheKindsAskedForCome) {
  FillAll();
  for (int kind = v1::TIMELINE_ENTRY_KIND_TICKET; kind <= v1::TIMELINE_ENTRY_KIND_TASK; ++kind) {
    v1::ListTimelineRequest request = Request();
    request.add_kinds(static_cast<v1::TimelineEntryKind>(kind));
    request.set_page_size(1);
    const auto entries = Entries(request);
    EXPECT_EQ(entries.size(), kind == v1::TIMELINE_ENTRY_KIND_PHASE_CHANGE ? 2U : 1U) << kind;
    for (const v1::TimelineEntry& entry : entries) EXPECT_EQ(entry.kind(), kind);
  }
}

TEST_F(TimelineTest, OnlyTheTimesAskedForCome) {
  FillAll();
  v1::ListTimelineRequest request = Request();
  SetTimestamp(clock_.Now() - absl::Hours(3), request.mutable_start_time());
  SetTimestamp(clock_.Now() - absl::Hours(1), request.mutable_end_time());
  EXPECT_EQ(Summaries(Entries(request)), (Fields{"Call, inbound: asked for a discount", "NPS 9"}))
      << "the start is within, the end is not";
}

TEST_F(TimelineTest, ATicketComesOnceInItsNewestState) {
  v1::Record ticket = At("1", 5);
  ticket.mutable_ticket()->set_topic("export fails");
  Write({ticket});
  SetTimestamp(clock_.Now() - absl::Hours(1), ticket.mutable_ticket()->mutable_resolve_time());
  Write({ticket});
  EXPECT_EQ(Summaries(Entries()), (Fields{"Ticket, resolved: export fails"}));
  EXPECT_EQ(ToTime(Entries()[0].time()), clock_.Now() - absl::Hours(5));
}

TEST_F(TimelineTest, ATaskMovesToTheTimeItWasDone) {
  ASSERT_TRUE(Add(TaskOf("t")).ok());
  clock_.Advance(absl::Hours(2));
  v1::Record milestone = At("1", 1);
  milestone.mutable_milestone()->set_step("live");
  Write({milestone});
  EXPECT_EQ(Summaries(Entries()), (Fields{"Reached live", "Task: The t"}));
  ASSERT_TRUE(Complete("t", nullptr, "all well").ok());
  EXPECT_EQ(Summaries(Entries()), (Fields{"Task done: The t: all well", "Reached live"}));
}

TEST_F(TimelineTest, WhatIsDatedAheadIsNotThereYet) {
  v1::Record milestone = At("1", -2);
  milestone.mutable_milestone()->set_step("live");
  Write({milestone});
  v1::ListTimelineRequest request = Request();
  SetTimestamp(clock_.Now() + absl::Hours(24), request.mutable_end_time());
  EXPECT_TRUE(Entries(request).empty());
  clock_.Advance(absl::Hours(2));
  EXPECT_EQ(Entries(request).size(), 1U);
}

TEST_F(TimelineTest, ATokenSurvivesWritesBetweenPages) {
  for (int i = 0; i < 4; ++i) {
    v1::Record milestone = At(absl::StrCat(i), i);
    milestone.mutable_milestone()->set_step(absl::StrCat("step_", i));
    Write({milestone});
  }
  v1::ListTimelineRequest request = Request();
  request.set_page_size(2);
  v1::ListTimelineResponse page;
  ASSERT_TRUE(Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, request, &page).ok());
  clock_.Advance(absl::Minutes(1));
  v1::Record newer = At("new", 0);
  newer.mutable_milestone()->set_step("newer");
  Write({newer});
  request.set_page_token(page.next_page_token());
  EXPECT_EQ(Summaries(Entries(request)), (Fields{"Reached step_2", "Reached step_3"}));
}

TEST_F(TimelineTest, NamesEveryBadField) {
  v1::ListTimelineRequest request;
  request.set_page_size(-1);
  request.set_page_token("x");
  request.add_kinds(v1::TIMELINE_ENTRY_KIND_TICKET);
  request.add_kinds(v1::TIMELINE_ENTRY_KIND_UNSPECIFIED);
  request.add_kinds(static_cast<v1::TimelineEntryKind>(99));
  request.mutable_start_time()->set_nanos(-1);
  request.mutable_end_time()->set_nanos(-1);
  v1::ListTimelineResponse response;
  EXPECT_EQ(BadFields(Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, request, &response)),
            (Fields{"end_time", "kinds[1]", "kinds[2]", "page_size", "page_token", "parent", "start_time"}));
  request = Request();
  request.set_page_size(1);
  FillAll();
  ASSERT_TRUE(Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, request, &response).ok());
  request.set_page_token(response.next_page_token());
  request.add_kinds(v1::TIMELINE_ENTRY_KIND_TICKET);
  EXPECT_EQ(BadFields(Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, request, &response)),
            (Fields{"page_token"}))
      << "a token belongs to its request";
}

TEST_F(TimelineTest, ATouchpointTellsWhoTookPartAndHowTheCustomerFelt) {
  v1::Record call = At("1", 2);
  call.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
  call.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
  call.mutable_touchpoint()->set_summary("asked for a discount");
  call.mutable_touchpoint()->set_sentiment(v1::TOUCHPOINT_SENTIMENT_NEGATIVE);
  for (const char* name : {"accounts/acme/contacts/ann", "bob@acme.com"}) call.mutable_touchpoint()->add_participants(name);
  v1::Record meeting = At("2", 1);
  meeting.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_MEETING);
  meeting.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_OUTBOUND);
  for (const char* name : {"A", "B", "C", "D", "E"}) meeting.mutable_touchpoint()->add_participants(name);
  Write({call, meeting});
  EXPECT_EQ(Summaries(Entries()),
            (Fields{"Meeting, outbound, with A, B, C and 2 more",
                    "Call, inbound, negative, with ann, bob@acme.com: asked for a discount"}));
}

}  // namespace
}  // namespace perennial::accounts::testing
