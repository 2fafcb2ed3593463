// What one call may ask for: bounded work, bounded answers, bounded memory, and nothing for those who no longer wait.
#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "accounts-svc/batch_memory.h"
#include "common/base/call_deadline.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

class OverdueWriteTest : public StoreTest {};
INSTANTIATE_TEST_SUITE_P(All, OverdueWriteTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

TEST_P(OverdueWriteTest, IsNotRunAndChangesNothing) {
  bool ran = false;
  const auto put = [&](WriteTransaction& transaction) {
    ran = true;
    return transaction.PutSetting("key", "value");
  };
  {
    const DeadlineScope overdue(absl::Now() - absl::Seconds(1));
    EXPECT_EQ(store_->Write(put).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_FALSE(ran);
  {
    const DeadlineScope ample(absl::Now() + absl::Minutes(1));
    EXPECT_TRUE(store_->Write(put).ok());
  }
  EXPECT_TRUE(ran);
}

TEST_P(OverdueWriteTest, DoesNotHoldUpTheNextOne) {
  const auto nothing = [](WriteTransaction&) { return absl::OkStatus(); };
  for (int i = 0; i < 10; ++i) {
    const DeadlineScope overdue(absl::InfinitePast());
    EXPECT_FALSE(store_->Write(nothing).ok());
  }
  EXPECT_TRUE(store_->Write(nothing).ok());
}

TEST(CallDeadlineTest, IsThatOfTheInnermostScopeOfTheThread) {
  const absl::Time outer = absl::UnixEpoch();
  EXPECT_EQ(CurrentDeadline(), absl::InfiniteFuture());
  {
    const DeadlineScope scope(outer);
    {
      const DeadlineScope inner(outer + absl::Seconds(1));
      EXPECT_EQ(CurrentDeadline(), outer + absl::Seconds(1));
    }
    EXPECT_EQ(CurrentDeadline(), outer);
    std::thread([] { EXPECT_EQ(CurrentDeadline(), absl::InfiniteFuture()); }).join();
  }
  EXPECT_EQ(CurrentDeadline(), absl::InfiniteFuture());
}

TEST(BatchMemoryTest, HasRoomUntilTheLimitAndAgainAfterwards) {
  BatchMemory memory(100, 2);
  memory.Take(99);
  EXPECT_TRUE(memory.HasRoom());
  memory.Take(10);
  EXPECT_FALSE(memory.HasRoom());
  memory.Give(99);
  EXPECT_TRUE(memory.HasRoom());
  EXPECT_TRUE(memory.AddStream());
  EXPECT_TRUE(memory.AddStream());
  EXPECT_FALSE(memory.AddStream());
  memory.RemoveStream();
  EXPECT_TRUE(memory.AddStream());
}

class LimitsTest : public ServerTest {
 protected:
  v1::WriteRecordsResponse WriteAll(const v1::WriteRecordsRequest& request) {
    v1::WriteRecordsResponse response;
    const grpc::Status status = Send(*ingest_, &v1::IngestService::Stub::WriteRecords, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(LimitsTest, AnAnswerThatRefusesAWholeBatchIsSmallEnoughForEveryClient) {
  v1::WriteRecordsRequest request;
  for (int i = 0; i < 10'000; ++i) {
    v1::Record& record = *request.add_records();
    record.set_record_id(std::string(120, 'x'));
    record.set_account("accounts/" + std::string(100, '!'));
    record.mutable_usage()->set_metric("No Such Name");
    record.mutable_usage()->set_value(-1);
  }
  const v1::WriteRecordsResponse response = WriteAll(request);
  EXPECT_LT(response.ByteSizeLong(), std::size_t{4} << 20);
  ASSERT_EQ(response.summary().errors_size(), 10'000);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(response.summary().errors(i).index(), i);
    ASSERT_EQ(response.summary().errors(i).status().code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_GE(BadFields(response.summary().errors(0).status()).size(), 3U) << "the first ones say all";
}

TEST_F(LimitsTest, AFilterThatSelectsFewOfManyAccountsIsAnsweredInPagesOfBoundedWork) {
  constexpr int kAccounts = 12'000;
  v1::WriteRecordsRequest request;
  for (int i = 0; i < kAccounts; ++i) {
    v1::Record& record = *request.add_records();
    record.set_account(absl::StrCat("accounts/a", 100'000 + i));
    SetTimestamp(clock_.Now(), record.mutable_event_time());
    record.mutable_account_state()->set_display_name(i == kAccounts - 1 ? "the last" : "another");
    if (request.records_size() == 6'000) {
      EXPECT_EQ(WriteAll(request).summary().stored(), 6'000);
      request.Clear();
    }
  }
  v1::ListAccountsRequest list;
  list.set_filter("name = \"the last\"");
  std::vector<std::string> found;
  int pages = 0;
  do {
    v1::ListAccountsResponse page;
    const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &page);
    ASSERT_TRUE(status.ok()) << status.error_message();
    for (const auto& account : page.accounts()) found.push_back(account.name());
    list.set_page_token(page.next_page_token());
    ++pages;
  } while (!list.page_token().empty());
  EXPECT_EQ(found, std::vector<std::string>{absl::StrCat("accounts/a", 100'000 + kAccounts - 1)});
  EXPECT_GT(pages, 1);
}

TEST_F(LimitsTest, MoreStreamsOfRecordsThanThereMayBeAreRefusedAndOneThatEndsMakesRoom) {
  struct Stream {
    Call call;
    std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRecordsRequest, v1::StreamRecordsResponse>> stream;
  };
  CreateAccount("acme");
  const auto answers = [&](Stream& stream, int id) {
    v1::StreamRecordsRequest batch;
    *batch.add_records() = Usage("acme", absl::StrCat("u", id), "logins");
    v1::StreamRecordsResponse ack;
    return stream.stream->Write(batch) && stream.stream->Read(&ack);
  };
  std::vector<std::unique_ptr<Stream>> open;
  for (int i = 0; i < 100; ++i) {
    open.push_back(std::make_unique<Stream>());
    open.back()->stream = ingest_->StreamRecords(&open.back()->call.context);
    ASSERT_TRUE(answers(*open.back(), i)) << i;
  }
  Stream refused;
  refused.stream = ingest_->StreamRecords(&refused.call.context);
  EXPECT_FALSE(answers(refused, 1000));
  EXPECT_EQ(refused.stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  open.front()->stream->WritesDone();
  EXPECT_TRUE(open.front()->stream->Finish().ok());
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  bool again = false;
  for (int i = 2000; !again && absl::Now() < deadline; ++i) {
    Stream next;
    next.stream = ingest_->StreamRecords(&next.call.context);
    again = answers(next, i);
  }
  EXPECT_TRUE(again);
}

}  // namespace
}  // namespace perennial::accounts::testing
