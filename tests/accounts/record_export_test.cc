// ExportRecords over the wire.
#include "absl/strings/str_cat.h"
#include "accounts-svc/record_export.h"
#include "tests/accounts/records_fixture.h"

namespace perennial::accounts::testing {
namespace {

using grpc::StatusCode;

class RecordExportTest : public RecordsTest {
 protected:
  // An export in one message.
  v1::ExportRecordsResponse All(const std::string& parent = "accounts/-") {
    std::vector<v1::ExportRecordsResponse> messages;
    const grpc::Status status = Export(parent, &messages);
    EXPECT_TRUE(status.ok()) << status.error_message();
    v1::ExportRecordsResponse all;
    for (const v1::ExportRecordsResponse& message : messages) {
      EXPECT_GE(message.accounts_done(), all.accounts_done());
      all.MergeFrom(message);
    }
    return all;
  }
  // Enough usage that the export does not fit what gRPC and the stream buffer.
  void WriteMuch(const std::string& account, int events) {
    std::vector<v1::Record> records;
    for (int i = 0; i < events; ++i) {
      records.push_back(Usage(account, absl::StrCat("event-with-a-long-id-", std::string(90, 'x'), i), "logins"));
      records.back().mutable_usage()->set_user(std::string(250, 'u'));
      if (records.size() < 5000 && i + 1 < events) continue;
      Write(records);
      records.clear();
    }
  }
};

TEST_F(RecordExportTest, AnEmptyStoreHasOneAccountAndNothingElse) {
  const v1::ExportRecordsResponse all = All();
  ASSERT_EQ(all.records_size(), 1);
  EXPECT_EQ(all.records(0).account(), "accounts/acme");
  EXPECT_EQ(all.records(0).account_state().display_name(), "The acme");
  EXPECT_EQ(all.accounts_done(), 1);
  EXPECT_EQ(all.accounts_total(), 1);
}

TEST_F(RecordExportTest, SendsEveryVersionEveryStateAndOnlyTheLastContentOfCorrectedRecords) {
  clock_.Advance(absl::Hours(1));
  v1::UpdateAccountRequest update;
  update.mutable_account()->set_name("accounts/acme");
  update.mutable_account()->set_owner("zoe");
  update.mutable_update_mask()->add_paths("owner");
  ASSERT_TRUE(Update(update).ok());
  v1::CreateSubscriptionRequest subscription = SubscriptionOf("acme", "s", "100.5");
  SetTimestamp(clock_.Now() + absl::Hours(100), subscription.mutable_subscription()->mutable_start_time());
  ASSERT_TRUE(Create(subscription).ok());
  v1::Record ticket = RecordOf("acme", "t");
  SetTimestamp(clock_.Now(), ticket.mutable_ticket()->mutable_update_time());
  v1::Record later = ticket;
  later.mutable_ticket()->set_topic("export");
  SetTimestamp(clock_.Now() + absl::Hours(1), later.mutable_ticket()->mutable_update_time());
  Write({ticket, later, Usage("acme", "1", "logins"), Usage("acme", "2", "logins"), Usage("acme", "3", "logins")});
  v1::Record corrected = Usage("acme", "1", "exports", 7);
  Correct(corrected);
  RecordsTest::Delete(v1::RECORD_KIND_USAGE, "2");
  ASSERT_TRUE(Add(ContactOf("ann")).ok());
  ASSERT_TRUE(Add(GoalOf("more")).ok());
  ASSERT_TRUE(Add(TaskOf("call")).ok());
  CreateAccount("beta");
  const v1::ExportRecordsResponse all = All();
  ASSERT_EQ(all.records_size(), 8);
  EXPECT_EQ(all.records(0).account_state().owner(), "");
  EXPECT_EQ(all.records(1).account_state().owner(), "zoe");
  EXPECT_EQ(ToTime(all.records(1).event_time()), clock_.Now());
  EXPECT_EQ(all.records(2).subscription_state().name(), "accounts/acme/subscriptions/s");
  EXPECT_EQ(all.records(2).subscription_state().mrr().amount(), "100.5");
  EXPECT_EQ(ToTime(all.records(2).event_time()), clock_.Now()) << "ingestion takes no states that lie far ahead";
  EXPECT_EQ(all.records(3).ShortDebugString(), corrected.ShortDebugString());
  EXPECT_EQ(all.records(4).ShortDebugString(), Usage("acme", "3", "logins").ShortDebugString());
  EXPECT_EQ(all.records(5).ShortDebugString(), ticket.ShortDebugString());
  EXPECT_EQ(all.records(6).ShortDebugString(), later.ShortDebugString());
  EXPECT_EQ(all.records(7).account(), "accounts/beta");
  ASSERT_EQ(all.contacts_size(), 1);
  EXPECT_EQ(all.contacts(0).name(), "accounts/acme/contacts/ann");
  EXPECT_EQ(all.contacts(0).display_name(), "The ann");
  ASSERT_EQ(all.goals_size(), 1);
  EXPECT_EQ(all.goals(0).name(), "accounts/acme/goals/more");
  ASSERT_EQ(all.tasks_size(), 1);
  EXPECT_EQ(all.tasks(0).name(), "accounts/acme/tasks/call");
  EXPECT_EQ(all.accounts_total(), 2);
  EXPECT_EQ(All("accounts/beta").records_size(), 1);
}

TEST_F(RecordExportTest, LeavesDeletedAccountsOutAndRefusesWhatIsNoAccount) {
  CreateAccount("beta");
  ASSERT_TRUE(ServerTest::Delete("beta").ok());
  EXPECT_EQ(All().records_size(), 1);
  std::vector<v1::ExportRecordsResponse> none;
  EXPECT_EQ(Export("accounts/beta", &none).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Export("accounts/nobody", &none).error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(BadFields(Export("", &none)), (Fields{"parent"}));
  EXPECT_EQ(BadFields(Export("segments/x", &none)), (Fields{"parent"}));
  EXPECT_TRUE(none.empty());
}

TEST_F(RecordExportTest, IsOneStateOfTheStoreWhateverIsWrittenMeanwhile) {
  WriteMuch("acme", 8'000);
  CreateAccount("beta");
  v1::ExportRecordsRequest request;
  request.set_parent("accounts/-");
  Call call;
  const auto reader = records_->ExportRecords(&call.context, request);
  v1::ExportRecordsResponse all;
  v1::ExportRecordsResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.accounts_done(), 0);
  Write({Usage("beta", "late", "logins")});
  ASSERT_TRUE(ServerTest::Delete("beta").ok());
  do {
    EXPECT_LT(message.ByteSizeLong(), 2 * RecordExport::kMessageBytes);
    all.MergeFrom(message);
  } while (reader->Read(&message));
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_EQ(all.records_size(), 8'002);
  EXPECT_EQ(all.records(8'001).account(), "accounts/beta");
  EXPECT_EQ(all.accounts_done(), 2);
}

// A server that waits a moment only for its readers.
class StalledExportTest : public RecordExportTest {
 protected:
  void StartWith(const ExportLimits& limits) {
    records_ = nullptr;
    server_ = nullptr;
    auto server = AccountsServer::Start(
        {.data = folder_.path(), .database = DatabaseFor(folder_.path()), .export_limits = limits}, clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = server_->InProcessChannel();
    accounts_ = v1::AccountService::NewStub(channel_);
    ingest_ = v1::IngestService::NewStub(channel_);
    facts_ = v1::FactService::NewStub(channel_);
    records_ = v1::RecordService::NewStub(channel_);
  }
  // Two exports take all threads, and their readers take one message and then nothing until a third one is served. True
  // when one of the two was cut for that; the other may go on in the moment between.
  bool OneIsCut() {
    v1::ExportRecordsRequest request;
    request.set_parent("accounts/-");
    std::vector<std::unique_ptr<Call>> calls;
    std::vector<std::unique_ptr<grpc::ClientReader<v1::ExportRecordsResponse>>> readers;
    v1::ExportRecordsResponse message;
    for (int i = 0; i < 2; ++i) {
      calls.push_back(std::make_unique<Call>());
      readers.push_back(records_->ExportRecords(&calls.back()->context, request));
      EXPECT_TRUE(readers.back()->Read(&message));
    }
    EXPECT_EQ(All("accounts/beta").records_size(), 1) << "the stalled ones gave up what they held";
    int cut = 0;
    for (const auto& reader : readers) {
      while (reader->Read(&message)) {
      }
      const grpc::Status status = reader->Finish();
      EXPECT_TRUE(status.ok() || status.error_code() == StatusCode::ABORTED) << status.error_message();
      cut += status.ok() ? 0 : 1;
    }
    return cut > 0;
  }
};

TEST_F(StalledExportTest, AReaderThatStallsIsCut) {
  WriteMuch("acme", 8'000);
  CreateAccount("beta");
  StartWith({.stall = std::chrono::seconds(1)});
  EXPECT_TRUE(OneIsCut());
}

TEST_F(StalledExportTest, AnExportThatTakesTooLongIsCut) {
  WriteMuch("acme", 8'000);
  CreateAccount("beta");
  StartWith({.stall = std::chrono::seconds(60), .total = std::chrono::seconds(2)});
  EXPECT_TRUE(OneIsCut());
}

TEST_F(StalledExportTest, AReaderThatLeavesFreesItsThread) {
  WriteMuch("acme", 8'000);
  CreateAccount("beta");
  v1::ExportRecordsRequest request;
  request.set_parent("accounts/-");
  for (int i = 0; i < 3; ++i) {
    Call call;
    const auto reader = records_->ExportRecords(&call.context, request);
    v1::ExportRecordsResponse message;
    ASSERT_TRUE(reader->Read(&message));
    call.context.TryCancel();
    while (reader->Read(&message)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), StatusCode::CANCELLED);
  }
  EXPECT_EQ(All("accounts/beta").records_size(), 1);
}

TEST_F(StalledExportTest, AStoppingServerDoesNotWaitForAReader) {
  WriteMuch("acme", 8'000);
  v1::ExportRecordsRequest request;
  request.set_parent("accounts/-");
  Call call;
  const auto reader = records_->ExportRecords(&call.context, request);
  v1::ExportRecordsResponse message;
  ASSERT_TRUE(reader->Read(&message));
  server_->Stop();
  while (reader->Read(&message)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace perennial::accounts::testing
