// RecordService over the wire: reading, correcting and deleting records, and the trace of it.
#include "absl/strings/str_cat.h"
#include "tests/accounts/records_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;

class RecordsServiceTest : public RecordsTest {
 protected:
  void SetUp() override {
    RecordsTest::SetUp();
    // Known since long before the records of the tests, so that facts as of their days can be asked for.
    v1::Record state;
    state.set_account("accounts/acme");
    SetTimestamp(At("2024-01-01T00:00:00Z"), state.mutable_event_time());
    state.mutable_account_state()->set_display_name("Acme");
    v1::BatchSummary summary;
    ASSERT_TRUE(Write({state}, &summary).ok());
    ASSERT_EQ(summary.errors_size(), 0);
  }
  v1::Record UsageAt(const std::string& id, absl::string_view time, double value, const std::string& user = "",
                     const std::string& metric = "logins") {
    v1::Record record = Usage("acme", id, metric, value);
    record.mutable_usage()->set_user(user);
    SetTimestamp(At(time), record.mutable_event_time());
    return record;
  }
  v1::Record TicketAt(absl::string_view opened, absl::string_view updated, v1::TicketPriority priority) {
    v1::Record record = RecordOf("acme", "t");
    SetTimestamp(At(opened), record.mutable_event_time());
    record.mutable_ticket()->set_priority(priority);
    SetTimestamp(At(updated), record.mutable_ticket()->mutable_update_time());
    return record;
  }
  // The number in a fact.
  double Number(const std::string& name, std::optional<absl::Time> as_of = {}) {
    v1::GetFactsResponse response;
    EXPECT_TRUE(GetFacts("acme", as_of, &response).ok());
    for (const v1::Fact& fact : response.facts()) {
      if (fact.name() == name) return fact.number();
    }
    return -1;
  }
  // "stored/replaced/duplicates/errors" of one record.
  std::string Sent(const v1::Record& record) {
    v1::BatchSummary summary;
    EXPECT_TRUE(Write({record}, &summary).ok());
    return absl::StrCat(summary.stored(), "/", summary.replaced(), "/", summary.duplicates(), "/",
                        summary.errors_size());
  }
  static constexpr char kDuplicate[] = "0/0/1/0";
};

TEST_F(RecordsServiceTest, EveryKindIsReadAsItWasSent) {
  std::vector<v1::Record> records = {UsageAt("1", "2024-06-01T08:00:00.25Z", 2.5, "ann")};
  for (int i = 0; i < 5; ++i) {
    records.push_back(RecordOf("acme", "1"));
  }
  records[1].mutable_ticket()->set_topic("export");
  SetTimestamp(clock_.Now(), records[1].mutable_ticket()->mutable_update_time());
  records[2].mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
  records[2].mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
  records[2].mutable_touchpoint()->add_participants("Bob");
  records[2].mutable_touchpoint()->set_sentiment(v1::TOUCHPOINT_SENTIMENT_NEGATIVE);
  records[3].mutable_survey()->set_kind(v1::SURVEY_KIND_NPS);
  records[3].mutable_survey()->set_score(9);
  records[4].mutable_milestone()->set_step("first_value");
  records[5].mutable_churn_report()->set_reason("pricing");
  Write(records);
  for (int kind = v1::RECORD_KIND_USAGE; kind <= v1::RECORD_KIND_CHURN_REPORT; ++kind) {
    v1::Record record;
    ASSERT_TRUE(GetRecord(static_cast<v1::RecordKind>(kind), "1", &record).ok()) << kind;
    EXPECT_EQ(record.ShortDebugString(), records[static_cast<std::size_t>(kind) - 1].ShortDebugString());
  }
  v1::Record none;
  EXPECT_EQ(GetRecord(v1::RECORD_KIND_USAGE, "2", &none).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RecordsServiceTest, ACorrectionOfUseChangesTheDaysBeforeAndAfter) {
  Write({UsageAt("1", "2024-06-10T08:00:00Z", 2, "ann"), UsageAt("2", "2024-06-10T09:00:00Z", 4, "bob"),
         UsageAt("3", "2024-06-20T09:00:00Z", 8, "ann")});
  EXPECT_EQ(Number("usage.logins.sum_30d"), 14);
  Correct(UsageAt("3", "2024-05-20T09:00:00Z", 16, "eve"));
  EXPECT_EQ(Number("usage.logins.sum_30d"), 6);
  EXPECT_EQ(Number("usage.logins.sum_90d"), 22);
  EXPECT_EQ(Number("usage.logins.users_30d"), 2);
  EXPECT_EQ(Number("usage.logins.days_since_last"), 20);
  EXPECT_EQ(Number("usage.logins.active_days_30d"), 1);
  EXPECT_EQ(Number("usage.logins.sum_30d", At("2024-05-31T00:00:00Z")), 16);
  Correct(UsageAt("2", "2024-06-10T09:00:00Z", 0, "bob"));
  EXPECT_EQ(Number("usage.logins.sum_30d"), 2);
  EXPECT_EQ(Number("usage.logins.users_30d"), 1) << "a report of no use names no user";
}

TEST_F(RecordsServiceTest, TheLastEventOfAMetricTakesItsFactsWithIt) {
  Write({UsageAt("1", "2024-06-10T08:00:00Z", 2), UsageAt("2", "2024-06-11T08:00:00Z", 2, "", "loginss")});
  EXPECT_EQ(Number("usage.breadth_30d"), 1);
  Delete(v1::RECORD_KIND_USAGE, "2");
  EXPECT_EQ(Fact("acme", "usage.loginss.sum_30d"), "unknown");
  EXPECT_EQ(Number("usage.breadth_30d"), 1);
  EXPECT_EQ(Number("usage.days_since_last"), 20);
  Write({UsageAt("3", "2024-06-12T08:00:00Z", 1, "", "loginss")});
  EXPECT_EQ(Number("usage.loginss.sum_30d"), 1) << "it comes back with use";
  Correct(UsageAt("3", "2024-06-12T08:00:00Z", 1, "", "logins"));
  EXPECT_EQ(Number("usage.logins.sum_30d"), 3);
  EXPECT_EQ(Fact("acme", "usage.loginss.sum_30d"), "unknown");
}

TEST_F(RecordsServiceTest, ADeletedRecordIsGoneFromFactsTimelineAndReads) {
  v1::Record call = RecordOf("acme", "c");
  call.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
  call.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
  Write({call});
  EXPECT_EQ(Number("touch.count_30d"), 1);
  const v1::DeleteRecordResponse response = Delete(v1::RECORD_KIND_TOUCHPOINT, "c");
  EXPECT_FALSE(response.change().has_after());
  EXPECT_EQ(response.change().before().ShortDebugString(), call.ShortDebugString());
  EXPECT_GT(response.revision(), 0);
  EXPECT_EQ(response.revision(), GetAccount("acme").revision());
  EXPECT_EQ(Number("touch.count_30d"), 0);
  v1::Record none;
  EXPECT_EQ(GetRecord(v1::RECORD_KIND_TOUCHPOINT, "c", &none).error_code(), StatusCode::NOT_FOUND);
  v1::DeleteRecordResponse again;
  EXPECT_EQ(Delete(DeletionOf(v1::RECORD_KIND_TOUCHPOINT, "c"), &again).error_code(), StatusCode::NOT_FOUND);
  v1::CorrectRecordResponse correction;
  EXPECT_EQ(Correct(CorrectionOf(call), &correction).error_code(), StatusCode::NOT_FOUND);
  v1::ListTimelineRequest timeline;
  timeline.set_parent("accounts/acme");
  v1::ListTimelineResponse entries;
  ASSERT_TRUE(Send(*timeline_, &v1::TimelineService::Stub::ListTimeline, timeline, &entries).ok());
  EXPECT_EQ(entries.entries_size(), 0);
}

TEST_F(RecordsServiceTest, ADeletedIdStaysDeletedWhateverIsSentUnderIt) {
  Write({UsageAt("1", "2024-06-10T08:00:00Z", 2),
         TicketAt("2024-06-01T00:00:00Z", "2024-06-01T00:00:00Z", v1::TICKET_PRIORITY_LOW)});
  Delete(v1::RECORD_KIND_USAGE, "1");
  Delete(v1::RECORD_KIND_TICKET, "t");
  EXPECT_EQ(Sent(UsageAt("1", "2024-06-10T08:00:00Z", 2)), kDuplicate);
  EXPECT_EQ(Sent(UsageAt("1", "2024-06-29T08:00:00Z", 3, "", "exports")), kDuplicate);
  EXPECT_EQ(Sent(TicketAt("2024-06-01T00:00:00Z", "2024-06-20T00:00:00Z", v1::TICKET_PRIORITY_HIGH)), kDuplicate);
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "unknown");
  EXPECT_EQ(Number("support.open"), 0);
}

TEST_F(RecordsServiceTest, EveryContentThatARecordOnceHadCountsAsADuplicate) {
  const v1::Record first = UsageAt("1", "2024-06-10T08:00:00Z", 2);
  const v1::Record second = UsageAt("1", "2024-06-11T08:00:00Z", 4, "", "exports");
  const v1::Record third = UsageAt("1", "2024-06-12T08:00:00Z", 8);
  Write({first});
  Correct(second);
  Correct(third);
  for (const v1::Record& record : {first, second, third}) EXPECT_EQ(Sent(record), kDuplicate);
  EXPECT_EQ(Number("usage.logins.sum_30d"), 8);
  EXPECT_EQ(Sent(UsageAt("1", "2024-06-13T08:00:00Z", 8)), "0/0/0/1") << "another content is refused as ever";
  Correct(first);
  for (const v1::Record& record : {first, second, third}) EXPECT_EQ(Sent(record), kDuplicate);
  EXPECT_EQ(Number("usage.logins.sum_30d"), 2);
}

TEST_F(RecordsServiceTest, ACorrectedTicketForgetsItsEarlierStatesButKnowsThemWhenTheyAreSentAgain) {
  const v1::Record opened = TicketAt("2024-06-01T00:00:00Z", "2024-06-01T00:00:00Z", v1::TICKET_PRIORITY_LOW);
  const v1::Record raised = TicketAt("2024-06-01T00:00:00Z", "2024-06-05T00:00:00Z", v1::TICKET_PRIORITY_URGENT);
  Write({opened, raised});
  EXPECT_EQ(Number("support.open_urgent"), 1);
  // The newest state is dated earlier than it was: what was newer must not come back.
  Correct(TicketAt("2024-06-01T00:00:00Z", "2024-06-03T00:00:00Z", v1::TICKET_PRIORITY_NORMAL));
  EXPECT_EQ(Number("support.open_urgent"), 0);
  EXPECT_EQ(Number("support.open_urgent", At("2024-06-06T00:00:00Z")), 0);
  EXPECT_EQ(Sent(opened), kDuplicate);
  EXPECT_EQ(Sent(raised), kDuplicate);
  EXPECT_EQ(Number("support.open_urgent"), 0);
  const v1::Record later = TicketAt("2024-06-01T00:00:00Z", "2024-06-08T00:00:00Z", v1::TICKET_PRIORITY_URGENT);
  EXPECT_EQ(Sent(later), "0/1/0/0") << "what really is news is taken";
  EXPECT_EQ(Number("support.open_urgent"), 1);
}

TEST_F(RecordsServiceTest, WhatIsAlreadySoIsNotTraced) {
  const v1::Record usage = UsageAt("1", "2024-06-10T08:00:00Z", 2);
  Write({usage});
  EXPECT_FALSE(Correct(usage).has_change());
  EXPECT_TRUE(Changes().empty());
}

TEST_F(RecordsServiceTest, ChangesAreTracedWithAuthorReasonAndContentNewestFirst) {
  const v1::Record before = UsageAt("1", "2024-06-10T08:00:00Z", 2);
  Write({before, UsageAt("2", "2024-06-10T08:00:00Z", 2)});
  std::vector<v1::Record> contents = {before};
  for (int i = 1; i <= 3; ++i) {
    clock_.Advance(absl::Minutes(1));
    contents.push_back(UsageAt("1", "2024-06-10T08:00:00Z", 2 + i));
    Correct(contents.back());
  }
  Delete(v1::RECORD_KIND_USAGE, "2");
  const std::vector<v1::RecordChange> changes = Changes();
  ASSERT_EQ(changes.size(), 4U);
  EXPECT_EQ(changes[0].record_id(), "2");
  EXPECT_EQ(changes[0].author(), "bob@example.com");
  EXPECT_EQ(changes[0].reason(), "sent by mistake");
  EXPECT_FALSE(changes[0].has_after());
  for (std::size_t i = 1; i < 4; ++i) {
    const v1::RecordChange& change = changes[i];
    EXPECT_EQ(change.account(), "accounts/acme");
    EXPECT_EQ(change.kind(), v1::RECORD_KIND_USAGE);
    EXPECT_EQ(change.before().ShortDebugString(), contents[3 - i].ShortDebugString());
    EXPECT_EQ(change.after().ShortDebugString(), contents[4 - i].ShortDebugString());
    EXPECT_EQ(change.reason(), "typing error");
    EXPECT_EQ(ToTime(change.change_time()), clock_.Now() - absl::Minutes(i - 1));
  }
}

TEST_F(RecordsServiceTest, ValidateOnlyAnswersWithoutChanging) {
  Write({UsageAt("1", "2024-06-10T08:00:00Z", 2)});
  v1::CorrectRecordRequest request = CorrectionOf(UsageAt("1", "2024-06-10T08:00:00Z", 3));
  request.set_validate_only(true);
  v1::CorrectRecordResponse response;
  ASSERT_TRUE(Correct(request, &response).ok());
  EXPECT_EQ(response.change().after().usage().value(), 3);
  EXPECT_EQ(Number("usage.logins.sum_30d"), 2);
  EXPECT_TRUE(Changes().empty());
  request.mutable_record()->set_record_id("2");
  EXPECT_EQ(Correct(request, &response).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RecordsServiceTest, ARequestIdTakesEffectOnce) {
  const v1::Record first = UsageAt("1", "2024-06-10T08:00:00Z", 2);
  Write({first});
  v1::CorrectRecordRequest request = CorrectionOf(UsageAt("1", "2024-06-10T08:00:00Z", 3));
  request.set_request_id("r1");
  v1::CorrectRecordResponse response;
  ASSERT_TRUE(Correct(request, &response).ok());
  Correct(first);
  ASSERT_TRUE(Correct(request, &response).ok());
  EXPECT_EQ(Number("usage.logins.sum_30d"), 2) << "it was carried out before";
  EXPECT_EQ(Changes().size(), 2U);
  v1::DeleteRecordRequest deletion = DeletionOf(v1::RECORD_KIND_USAGE, "1");
  deletion.set_request_id("r2");
  v1::DeleteRecordResponse deleted;
  ASSERT_TRUE(Delete(deletion, &deleted).ok());
  ASSERT_TRUE(Delete(deletion, &deleted).ok()) << "not NOT_FOUND: the answer to the first may have been lost";
  EXPECT_EQ(deleted.change().record_id(), "1");
  EXPECT_EQ(Changes().size(), 3U);
}

TEST_F(RecordsServiceTest, EveryBadFieldIsNamed) {
  v1::CorrectRecordResponse corrected;
  EXPECT_EQ(BadFields(Correct({}, &corrected)), (Fields{"author", "reason", "record"}));
  v1::CorrectRecordRequest request = CorrectionOf(UsageAt("1", "2024-06-10T08:00:00Z", -1));
  request.mutable_record()->mutable_usage()->set_metric("NO");
  request.mutable_record()->set_account("acme");
  request.set_reason(std::string(1001, 'x'));
  request.set_author(std::string(129, 'x'));
  request.set_request_id("\n");
  EXPECT_EQ(BadFields(Correct(request, &corrected)),
            (Fields{"author", "reason", "record.account", "record.usage.metric", "record.usage.value", "request_id"}));
  v1::Record state = RecordOf("acme", "");
  state.mutable_account_state()->set_display_name("x");
  EXPECT_EQ(BadFields(Correct(CorrectionOf(state), &corrected)), (Fields{"record.account_state"}));
  v1::DeleteRecordResponse deleted;
  EXPECT_EQ(BadFields(Delete({}, &deleted)), (Fields{"account", "author", "kind", "reason", "record_id"}));
  v1::Record record;
  EXPECT_EQ(BadFields(GetRecord(static_cast<v1::RecordKind>(99), "", &record)), (Fields{"kind", "record_id"}));
  v1::ListRecordChangesRequest list;
  list.set_page_size(-1);
  list.set_page_token("x");
  v1::ListRecordChangesResponse changes;
  EXPECT_EQ(BadFields(Send(*records_, &v1::RecordService::Stub::ListRecordChanges, list, &changes)),
            (Fields{"page_size", "page_token", "parent"}));
  v1::Record touch = RecordOf("acme", "1");
  touch.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
  touch.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
  touch.mutable_touchpoint()->set_sentiment(static_cast<v1::TouchpointSentiment>(9));
  for (const char* participant : {"Ann", "", "Ann"}) touch.mutable_touchpoint()->add_participants(participant);
  EXPECT_EQ(BadFields(Correct(CorrectionOf(touch), &corrected)),
            (Fields{"record.touchpoint.participants[1]", "record.touchpoint.participants[2]",
                    "record.touchpoint.sentiment"}));
}

TEST_F(RecordsServiceTest, RecordsOfAnAccountThatIsNotThereAreNotFound) {
  Write({UsageAt("1", "2024-06-10T08:00:00Z", 2)});
  ASSERT_TRUE(ServerTest::Delete("acme").ok());
  v1::Record record;
  EXPECT_EQ(GetRecord(v1::RECORD_KIND_USAGE, "1", &record).error_code(), StatusCode::NOT_FOUND);
  v1::CorrectRecordResponse corrected;
  EXPECT_EQ(Correct(CorrectionOf(UsageAt("1", "2024-06-10T08:00:00Z", 3)), &corrected).error_code(),
            StatusCode::NOT_FOUND);
  v1::DeleteRecordResponse deleted;
  EXPECT_EQ(Delete(DeletionOf(v1::RECORD_KIND_USAGE, "1"), &deleted).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RecordsServiceTest, ChangesSurviveARestart) {
  Write({UsageAt("1", "2024-06-10T08:00:00Z", 2), UsageAt("2", "2024-06-11T08:00:00Z", 2)});
  Correct(UsageAt("1", "2024-06-10T08:00:00Z", 3));
  Delete(v1::RECORD_KIND_USAGE, "2");
  records_ = nullptr;
  Restart();
  records_ = v1::RecordService::NewStub(channel_);
  EXPECT_EQ(Number("usage.logins.sum_30d"), 3);
  EXPECT_EQ(Changes().size(), 2U);
  EXPECT_EQ(Sent(UsageAt("2", "2024-06-11T08:00:00Z", 2)), kDuplicate);
}

}  // namespace
}  // namespace perennial::accounts::testing
