// Random records, corrections and deletions leave the facts of every moment as they are in a store that only ever got
// what the records say in the end.
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/accounts/feed_follower.h"
#include "tests/accounts/records_fixture.h"

namespace perennial::accounts::testing {
namespace {

constexpr int kSteps = 400;
constexpr int kDays = 140;

class CorrectionsPropertyTest : public RecordsTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  struct Key {
    std::string account;
    v1::RecordKind kind = v1::RECORD_KIND_UNSPECIFIED;
    std::string id;

    auto operator<=>(const Key&) const = default;
  };

  void SetUp() override {
    RecordsTest::SetUp();
    random_.seed(GetParam());
    start_ = clock_.Now() - absl::Hours(24 * kDays);
    other_ = Start(other_folder_);
    for (auto* stub : {ingest_.get(), other_ingest_.get()}) Begin(*stub);
  }
  std::unique_ptr<AccountsServer> Start(const TempFolder& folder) {
    auto server = AccountsServer::Start({.data = folder.path(), .database = DatabaseFor(folder.path())}, clock_);
    EXPECT_TRUE(server.ok()) << server.status();
    const auto channel = (*server)->InProcessChannel();
    other_ingest_ = v1::IngestService::NewStub(channel);
    other_facts_ = v1::FactService::NewStub(channel);
    return *std::move(server);
  }

  int UpTo(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }
  template <class Container>
  auto Any(const Container& of) {
    return std::next(of.begin(), UpTo(static_cast<int>(of.size()) - 1));
  }

  v1::BatchSummary SendTo(v1::IngestService::Stub& stub, const std::vector<v1::Record>& records) {
    v1::WriteRecordsRequest request;
    for (const v1::Record& record : records) *request.add_records() = record;
    v1::WriteRecordsResponse response;
    const grpc::Status status = Send(stub, &v1::IngestService::Stub::WriteRecords, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.summary().errors_size(), 0) << response.summary().ShortDebugString();
    return response.summary();
  }
  // Accounts, and metrics in one order: sums of doubles depend on it. The events that name them lie ahead.
  void Begin(v1::IngestService::Stub& stub) {
    std::vector<v1::Record> records;
    for (const char* id : {"alpha", "beta", "other"}) {
      records.push_back(RecordOf(id, ""));
      records.back().mutable_account_state()->set_display_name(id);
      SetTimestamp(start_, records.back().mutable_account_state()->mutable_customer_since());
      SetTimestamp(start_, records.back().mutable_event_time());
    }
    for (int i = 0; i <= 3; ++i) {
      records.push_back(Usage("other", absl::StrCat(i), absl::StrCat("m", i), 0));
      SetTimestamp(clock_.Now() + absl::Hours(20), records.back().mutable_event_time());
    }
    SendTo(stub, records);
  }

  absl::Time AnyTime() { return start_ + absl::Minutes(UpTo(24 * 60 * kDays)); }
  // Any content for a record.
  v1::Record Content(const Key& key) {
    v1::Record record;
    record.set_account("accounts/" + key.account);
    record.set_record_id(key.id);
    SetTimestamp(AnyTime(), record.mutable_event_time());
    switch (key.kind) {
      case v1::RECORD_KIND_USAGE:
        record.mutable_usage()->set_metric(absl::StrCat("m", UpTo(3)));
        record.mutable_usage()->set_value(UpTo(8) / 4.0);  // whose sums are exact in any order
        if (UpTo(1) == 0) record.mutable_usage()->set_user(absl::StrCat("user", UpTo(4)));
        break;
      case v1::RECORD_KIND_TICKET: FillTicket(record); break;
      case v1::RECORD_KIND_TOUCHPOINT:
        record.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
        record.mutable_touchpoint()->set_direction(static_cast<v1::TouchpointDirection>(1 + UpTo(1)));
        break;
      case v1::RECORD_KIND_SURVEY:
        record.mutable_survey()->set_kind(static_cast<v1::SurveyKind>(1 + UpTo(3)));
        record.mutable_survey()->set_score(1 + UpTo(4));
        break;
      case v1::RECORD_KIND_MILESTONE:
        record.mutable_milestone()->set_step(UpTo(1) == 0 ? "first_value" : "step");
        record.mutable_milestone()->set_progress(UpTo(4) / 4.0);
        break;
      default: record.mutable_churn_report()->set_reason(absl::StrCat("reason", UpTo(3))); break;
    }
    return record;
  }
  void FillTicket(v1::Record& record) {
    v1::Ticket& ticket = *record.mutable_ticket();
    ticket.set_priority(static_cast<v1::TicketPriority>(UpTo(4)));
    const absl::Time opened = ToTime(record.event_time());
    const auto later = [&] { return std::min(clock_.Now(), opened + absl::Hours(UpTo(400))); };
    if (UpTo(1) == 0) SetTimestamp(later(), ticket.mutable_first_response_time());
    if (UpTo(1) == 0) SetTimestamp(opened + absl::Hours(UpTo(100)), ticket.mutable_resolve_due_time());
    if (UpTo(1) == 0) {
      SetTimestamp(later(), ticket.mutable_resolve_time());
      ticket.set_satisfaction(1 + UpTo(4));
    }
    SetTimestamp(later(), ticket.mutable_update_time());
  }

  void Step() {
    const int choice = UpTo(9);
    if (choice < 5 || contents_.empty()) return Ingest();
    const auto& [key, states] = *Any(contents_);
    if (choice < 7) {
      const v1::Record content = Content(key);
      Correct(content);
      known_.insert(known_.end(), states.begin(), states.end());
      contents_[key] = {content};
    } else if (choice == 7) {
      v1::DeleteRecordRequest request = DeletionOf(key.kind, key.id);
      request.set_account("accounts/" + key.account);
      v1::DeleteRecordResponse response;
      EXPECT_TRUE(Delete(request, &response).ok());
      known_.insert(known_.end(), states.begin(), states.end());
      contents_.erase(key);
    } else if (choice == 8 && key.kind == v1::RECORD_KIND_TICKET) {
      NewTicketState(key);
    } else if (!known_.empty()) {
      EXPECT_EQ(SendTo(*ingest_, {*Any(known_)}).duplicates(), 1) << "what was corrected or deleted comes again";
    }
  }
  void Ingest() {
    const Key key{UpTo(1) == 0 ? "alpha" : "beta", static_cast<v1::RecordKind>(1 + UpTo(UpTo(1) == 0 ? 5 : 0)),
                  absl::StrCat("r", counter_++)};
    contents_[key] = {Content(key)};
    EXPECT_EQ(SendTo(*ingest_, contents_[key]).stored(), 1);
  }
  void NewTicketState(const Key& key) {
    v1::Record state = contents_[key].back();
    const absl::Time updated = ToTime(state.ticket().update_time()) + absl::Hours(1 + UpTo(200));
    if (updated > clock_.Now()) return;
    state.mutable_ticket()->set_priority(static_cast<v1::TicketPriority>(UpTo(4)));
    SetTimestamp(updated, state.mutable_ticket()->mutable_update_time());
    contents_[key].push_back(state);
    EXPECT_EQ(SendTo(*ingest_, {state}).replaced(), 1);
  }

  // Facts of both accounts as of a moment, one a line.
  std::string AllFacts(std::optional<absl::Time> as_of) {
    std::string text;
    for (const char* id : {"alpha", "beta"}) {
      for (const auto& [name, value] : FactsOf(id, as_of)) absl::StrAppend(&text, id, " ", name, " ", value, "\n");
    }
    return text;
  }

  std::mt19937 random_;
  int counter_ = 0;
  absl::Time start_;
  // What the records say now, by states; and contents that they once had.
  std::map<Key, std::vector<v1::Record>> contents_;
  std::vector<v1::Record> known_;
  TempFolder other_folder_;
  std::unique_ptr<AccountsServer> other_;
  std::unique_ptr<v1::IngestService::Stub> other_ingest_;
  std::unique_ptr<v1::FactService::Stub> other_facts_;
};

TEST_P(CorrectionsPropertyTest, FactsAreAsIfTheRecordsHadAlwaysBeenSo) {
  FeedFollower follower(*facts_);
  for (int i = 0; i < kSteps; ++i) Step();
  ASSERT_GT(known_.size(), 20U);
  for (const auto& [key, states] : contents_) SendTo(*other_ingest_, states);
  const auto compare = [&](std::optional<absl::Time> as_of) {
    const std::string here = AllFacts(as_of);
    std::swap(facts_, other_facts_);
    const std::string there = AllFacts(as_of);
    std::swap(facts_, other_facts_);
    EXPECT_EQ(here, there) << "as of " << absl::FormatTime(as_of.value_or(clock_.Now()), absl::UTCTimeZone());
    EXPECT_FALSE(here.empty());
  };
  compare({});
  for (absl::Time time = start_; time <= clock_.Now(); time += absl::Hours(61)) compare(time);
  ASSERT_TRUE(Eventually([&] {
    std::int64_t newest = 0;
    for (const char* id : {"alpha", "beta", "other"}) newest = std::max(newest, GetAccount(id).revision());
    follower.ReadUntil(newest);
    return follower.rows_["alpha"] == FactsOf("alpha") && follower.rows_["beta"] == FactsOf("beta");
  })) << "the feed carries what corrections change";
}

INSTANTIATE_TEST_SUITE_P(Seeds, CorrectionsPropertyTest, ::testing::Range(1U, 7U));

}  // namespace
}  // namespace perennial::accounts::testing
