// IngestService.WriteRecords over the wire.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;

class IngestServiceTest : public ServerTest {
 protected:
  // Bad fields of a record that is refused alone.
  Fields RefusedFields(const v1::Record& record) {
    v1::BatchSummary summary;
    EXPECT_TRUE(Write({record}, &summary).ok());
    EXPECT_EQ(summary.errors_size(), 1) << summary.ShortDebugString();
    return summary.errors_size() == 1 ? BadFields(summary.errors(0).status()) : Fields();
  }
  v1::Record TicketOf(const std::string& id, absl::Time updated, v1::TicketPriority priority) {
    v1::Record record = RecordOf("acme", id);
    record.mutable_ticket()->set_priority(priority);
    SetTimestamp(updated, record.mutable_ticket()->mutable_update_time());
    return record;
  }
  v1::Record StateOf(const std::string& account, const std::string& name) {
    v1::Record record = RecordOf(account, "");
    record.mutable_account_state()->set_display_name(name);
    return record;
  }
  v1::Record SubscriptionStateOf(const std::string& id, const std::string& mrr, absl::Time start) {
    v1::Record record = RecordOf("acme", "");
    *record.mutable_subscription_state() = SubscriptionOf("acme", id, mrr).subscription();
    record.mutable_subscription_state()->set_name("accounts/acme/subscriptions/" + id);
    SetTimestamp(start, record.mutable_subscription_state()->mutable_start_time());
    return record;
  }
  // "stored/replaced/duplicates/errors".
  static std::string Counts(const v1::BatchSummary& summary) {
    return absl::StrCat(summary.stored(), "/", summary.replaced(), "/", summary.duplicates(), "/",
                        summary.errors_size());
  }
};

TEST_F(IngestServiceTest, CountsWhatBecameOfEachRecordAndGoesOnAfterABadOne) {
  CreateAccount("acme");
  Write({Usage("acme", "old", "logins"), TicketOf("t", clock_.Now(), v1::TICKET_PRIORITY_LOW)});
  v1::Record reused = Usage("acme", "old", "logins", 2);
  v1::BatchSummary summary;
  ASSERT_TRUE(
      Write({Usage("acme", "new", "logins"), Usage("acme", "old", "logins"), reused, Usage("nobody", "1", "logins"),
             Usage("acme", "bad", "NO"), TicketOf("t", clock_.Now() + absl::Seconds(1), v1::TICKET_PRIORITY_URGENT),
             TicketOf("t", clock_.Now() - absl::Seconds(1), v1::TICKET_PRIORITY_HIGH)},
            &summary)
          .ok());
  EXPECT_EQ(Counts(summary), "1/1/2/3");
  EXPECT_EQ(summary.errors(0).index(), 2);
  EXPECT_EQ(summary.errors(0).record_id(), "old");
  EXPECT_EQ(summary.errors(0).status().code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(summary.errors(1).index(), 3);
  EXPECT_EQ(summary.errors(1).status().code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(summary.errors(2).index(), 4);
  EXPECT_EQ(BadFields(summary.errors(2).status()), Fields{"usage.metric"});
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 2");
  EXPECT_EQ(summary.revision(), GetAccount("acme").revision());
}

TEST_F(IngestServiceTest, ABatchThatIsSentAgainChangesNothing) {
  CreateAccount("acme");
  v1::Record touch = RecordOf("acme", "c");
  touch.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
  touch.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
  v1::Record survey = RecordOf("acme", "n");
  survey.mutable_survey()->set_kind(v1::SURVEY_KIND_NPS);
  survey.mutable_survey()->set_score(9);
  v1::Record milestone = RecordOf("acme", "m");
  milestone.mutable_milestone()->set_step("first_value");
  v1::Record report = RecordOf("acme", "r");
  report.mutable_churn_report()->set_reason("price");
  v1::Record subscription = SubscriptionStateOf("s", "10", clock_.Now());
  subscription.mutable_subscription_state()->mutable_start_time()->set_nanos(123456789);  // finer than the store keeps
  subscription.mutable_subscription_state()->mutable_renewal_time()->set_nanos(987654321);
  v1::Record usage = Usage("acme", "u", "logins");
  usage.mutable_event_time()->set_nanos(123456789);
  v1::Record account = StateOf("acme", "Acme");
  account.mutable_account_state()->mutable_customer_since()->set_nanos(123456789);
  const std::vector<v1::Record> batch = {
      account, subscription, usage,     TicketOf("t", clock_.Now(), v1::TICKET_PRIORITY_LOW),
      touch,   survey,       milestone, report};
  EXPECT_EQ(Counts(Write(batch)), "7/1/0/0");
  const std::int64_t revision = GetAccount("acme").revision();
  const std::string etag = GetAccount("acme").etag();
  EXPECT_EQ(Counts(Write(batch)), "0/0/8/0");
  EXPECT_EQ(GetAccount("acme").revision(), revision);
  EXPECT_EQ(GetAccount("acme").etag(), etag);
}

TEST_F(IngestServiceTest, RecordsOfABatchApplyInOrder) {
  const v1::BatchSummary summary = Write({StateOf("acme", "Acme"), SubscriptionStateOf("s", "10", clock_.Now()),
                                          Usage("acme", "1", "logins"), StateOf("acme", "Acme 2")});
  EXPECT_EQ(Counts(summary), "3/1/0/0");
  EXPECT_EQ(GetAccount("acme").display_name(), "Acme 2");
  v1::BatchSummary refused;
  ASSERT_TRUE(Write({Usage("later", "1", "logins"), StateOf("later", "Later")}, &refused).ok());
  EXPECT_EQ(Counts(refused), "1/0/0/1");
}

TEST_F(IngestServiceTest, StatesMayComeInAnyOrder) {
  const absl::Time now = clock_.Now();
  const auto state = [&](const std::string& mrr, int days_ago) {
    v1::Record record = SubscriptionStateOf("s", mrr, now - absl::Hours(24) * 50);
    SetTimestamp(now - absl::Hours(24) * days_ago, record.mutable_event_time());
    return record;
  };
  CreateAccount("acme");
  CreateAccount("other");
  Write({state("10", 40), state("20", 30), state("30", 20)});
  std::vector<v1::Record> backwards = {state("30", 20), state("20", 30), state("10", 40)};
  for (v1::Record& record : backwards) {
    record.set_account("accounts/other");
    record.mutable_subscription_state()->set_name("accounts/other/subscriptions/s");
  }
  Write(backwards);
  for (const char* name :
       {"mrr", "phase", "phase_days", "revenue.new_365d", "revenue.expansion_30d", "revenue.start_30d"}) {
    EXPECT_EQ(Fact("acme", name), Fact("other", name)) << name;
  }
  EXPECT_EQ(Fact("other", "mrr"), "number: 30");
  EXPECT_EQ(Fact("other", "revenue.new_365d"), "number: 10");
}

TEST_F(IngestServiceTest, TwoTypesOfOneNewAttributeInOneBatchRefuseTheSecondRecordAlone) {
  v1::Record number = StateOf("a", "A");
  (*number.mutable_account_state()->mutable_attributes())["size"].set_number(1);
  v1::Record text = StateOf("b", "B");
  (*text.mutable_account_state()->mutable_attributes())["size"].set_text("large");
  v1::BatchSummary summary;
  ASSERT_TRUE(Write({number, text, StateOf("c", "C")}, &summary).ok());
  EXPECT_EQ(Counts(summary), "2/0/0/1");
  EXPECT_EQ(BadFields(summary.errors(0).status()), Fields{"account_state.attributes.size"});
}

TEST_F(IngestServiceTest, NoRecordAndTooManyRecordsAreRefused) {
  v1::BatchSummary summary;
  EXPECT_EQ(BadFields(Write({}, &summary)), Fields{"records"});
  CreateAccount("acme");
  std::vector<v1::Record> records;
  for (int i = 0; i < 10'001; ++i) records.push_back(Usage("acme", absl::StrCat(i), "logins"));
  EXPECT_EQ(BadFields(Write(records, &summary)), Fields{"records"});
  EXPECT_EQ(Fact("acme", "usage.days_since_last"), "unknown");
  records.pop_back();
  EXPECT_EQ(Counts(Write(records)), "10000/0/0/0");
}

TEST_F(IngestServiceTest, NamesEveryBadFieldOfEveryKindOfRecord) {
  CreateAccount("acme");
  v1::Record record;
  EXPECT_EQ(RefusedFields(record), (Fields{"account", "event_time", "kind", "record_id"}));

  record = Usage("acme", "é", "Bad", -1);
  record.mutable_usage()->set_user(std::string(257, 'x'));
  SetTimestamp(clock_.Now() + absl::Hours(24) + absl::Seconds(1), record.mutable_event_time());
  EXPECT_EQ(RefusedFields(record), (Fields{"event_time", "record_id", "usage.metric", "usage.user", "usage.value"}));
  EXPECT_EQ(RefusedFields(Usage("acme", "1", "logins", NAN)), Fields{"usage.value"});
  EXPECT_EQ(RefusedFields(Usage("acme", "1", "logins", INFINITY)), Fields{"usage.value"});

  record = RecordOf("acme", "1");
  record.mutable_ticket()->set_topic(std::string(257, 'x'));
  record.mutable_ticket()->set_priority(static_cast<v1::TicketPriority>(9));
  record.mutable_ticket()->set_satisfaction(6);
  SetTimestamp(clock_.Now() - absl::Seconds(1), record.mutable_ticket()->mutable_first_response_time());
  SetTimestamp(clock_.Now() + absl::Hours(25), record.mutable_ticket()->mutable_resolve_time());
  SetTimestamp(clock_.Now() - absl::Seconds(1), record.mutable_ticket()->mutable_resolve_due_time());
  EXPECT_EQ(RefusedFields(record), (Fields{"ticket.first_response_time", "ticket.priority", "ticket.resolve_due_time",
                                           "ticket.resolve_time", "ticket.satisfaction", "ticket.topic"}));

  record = RecordOf("acme", "1");
  record.mutable_touchpoint()->set_summary(std::string(2049, 'x'));
  EXPECT_EQ(RefusedFields(record), (Fields{"touchpoint.channel", "touchpoint.direction", "touchpoint.summary"}));

  record = RecordOf("acme", "1");
  record.mutable_survey();
  EXPECT_EQ(RefusedFields(record), Fields{"survey.kind"});
  record.mutable_survey()->set_kind(v1::SURVEY_KIND_CES);
  EXPECT_EQ(RefusedFields(record), Fields{"survey.score"});
  record.mutable_survey()->set_score(0);
  EXPECT_EQ(RefusedFields(record), Fields{"survey.score"});

  record = RecordOf("acme", "1");
  record.mutable_milestone()->set_progress(1.5);
  EXPECT_EQ(RefusedFields(record), (Fields{"milestone.progress", "milestone.step"}));

  record = RecordOf("acme", "1");
  record.mutable_churn_report()->set_reason(std::string(65, 'x'));
  record.mutable_churn_report()->set_feedback(std::string(2049, 'x'));
  EXPECT_EQ(RefusedFields(record), (Fields{"churn_report.feedback", "churn_report.reason"}));

  record = StateOf("acme", "");
  record.mutable_account_state()->set_name("accounts/other");
  EXPECT_EQ(RefusedFields(record), (Fields{"account_state.display_name", "account_state.name"}));

  record = SubscriptionStateOf("s", "x", clock_.Now());
  record.mutable_subscription_state()->set_name("accounts/other/subscriptions/s");
  EXPECT_EQ(RefusedFields(record), (Fields{"subscription_state.mrr.amount", "subscription_state.name"}));
}

TEST_F(IngestServiceTest, TheStartOfASubscriptionCannotChange) {
  CreateAccount("acme");
  Write({SubscriptionStateOf("s", "10", clock_.Now())});
  EXPECT_EQ(RefusedFields(SubscriptionStateOf("s", "10", clock_.Now() - absl::Hours(1))),
            Fields{"subscription_state.start_time"});
}

TEST_F(IngestServiceTest, ADeletedAccountTakesNoRecords) {
  CreateAccount("acme");
  ASSERT_TRUE(Delete("acme").ok());
  v1::BatchSummary summary;
  ASSERT_TRUE(Write({Usage("acme", "1", "logins"), StateOf("acme", "Acme")}, &summary).ok());
  ASSERT_EQ(Counts(summary), "0/0/0/2");
  for (const auto& error : summary.errors()) EXPECT_EQ(error.status().code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(IngestServiceTest, MetricsAreBounded) {
  CreateAccount("acme");
  std::vector<v1::Record> records;
  for (int i = 0; i < 501; ++i) records.push_back(Usage("acme", absl::StrCat(i), absl::StrCat("m", i)));
  v1::BatchSummary summary;
  ASSERT_TRUE(Write(records, &summary).ok());
  EXPECT_EQ(Counts(summary), "500/0/0/1");
  EXPECT_EQ(BadFields(summary.errors(0).status()), Fields{"usage.metric"});
}

TEST_F(IngestServiceTest, WhatHappensLaterTodayCountsThen) {
  CreateAccount("acme");
  v1::Record ahead = Usage("acme", "1", "logins");
  SetTimestamp(clock_.Now() + absl::Hours(2), ahead.mutable_event_time());
  Write({ahead});
  EXPECT_EQ(Fact("acme", "usage.days_since_last"), "unknown");
  const std::int64_t revision = GetAccount("acme").revision();
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").revision() > revision; }));
  EXPECT_EQ(Fact("acme", "usage.days_since_last"), "number: 0");
}

TEST_F(IngestServiceTest, AnAccountMayBeginLaterToday) {
  v1::Record state = StateOf("acme", "Acme");
  SetTimestamp(clock_.Now() + absl::Hours(2), state.mutable_event_time());
  Write({state});
  EXPECT_TRUE(FactsOf("acme").empty());
  EXPECT_EQ(GetAccount("acme").revision(), 0);
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").revision() > 0; }));
  EXPECT_EQ(Fact("acme", "name"), "text: \"Acme\"");
}

}  // namespace
}  // namespace perennial::accounts::testing
