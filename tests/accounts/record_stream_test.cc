// IngestService.StreamRecords over the wire.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

class RecordStreamTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    CreateAccount("acme");
    stream_ = ingest_->StreamRecords(&call_.context);
  }
  // A batch of usage events whose ids begin with the batch's number.
  v1::StreamRecordsRequest BatchOf(int number, int records = 1) {
    v1::StreamRecordsRequest request;
    request.set_batch_id(number);
    for (int i = 0; i < records; ++i) *request.add_records() = Usage("acme", absl::StrCat(number, "-", i), "logins");
    return request;
  }

  Call call_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRecordsRequest, v1::StreamRecordsResponse>> stream_;
  v1::StreamRecordsResponse ack_;
};

TEST_F(RecordStreamTest, AcknowledgesEveryBatchInOrderWithItsNumber) {
  std::thread sender([&] {
    for (int number = 100; number < 150; ++number) EXPECT_TRUE(stream_->Write(BatchOf(number, 3)));
    stream_->WritesDone();
  });
  std::int64_t revision = 0;
  int number = 100;
  while (stream_->Read(&ack_)) {
    EXPECT_EQ(ack_.batch_id(), number++);
    EXPECT_EQ(ack_.summary().stored(), 3);
    EXPECT_GE(ack_.summary().revision(), revision);
    revision = ack_.summary().revision();
  }
  sender.join();
  EXPECT_EQ(number, 150);
  EXPECT_TRUE(stream_->Finish().ok());
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 150");
}

TEST_F(RecordStreamTest, ASenderThatWaitsForEachAcknowledgementIsAnswered) {
  for (int number = 0; number < 10; ++number) {
    ASSERT_TRUE(stream_->Write(BatchOf(number)));
    ASSERT_TRUE(stream_->Read(&ack_));
    EXPECT_EQ(ack_.batch_id(), number);
    EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), absl::StrCat("number: ", number + 1)) << "acknowledged means there";
  }
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(RecordStreamTest, AnEmptyStreamEndsWell) {
  stream_->WritesDone();
  EXPECT_FALSE(stream_->Read(&ack_));
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(RecordStreamTest, OneLongAcknowledgementMayFollowAnother) {
  for (int number = 1; number <= 3; ++number) {
    v1::StreamRecordsRequest batch = BatchOf(number, 2);
    batch.mutable_records(0)->mutable_usage()->set_metric("BAD");
    ASSERT_TRUE(stream_->Write(batch));
    ASSERT_TRUE(stream_->Read(&ack_));
    EXPECT_EQ(ack_.batch_id(), number);
    EXPECT_EQ(ack_.summary().errors_size(), 1);
  }
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(RecordStreamTest, ABadRecordIsRefusedAloneAndTheStreamGoesOn) {
  v1::StreamRecordsRequest batch = BatchOf(1, 2);
  batch.mutable_records(0)->mutable_usage()->set_metric("BAD");
  ASSERT_TRUE(stream_->Write(batch));
  ASSERT_TRUE(stream_->Write(BatchOf(2)));
  stream_->WritesDone();
  ASSERT_TRUE(stream_->Read(&ack_));
  EXPECT_EQ(ack_.summary().stored(), 1);
  EXPECT_EQ(ack_.summary().errors_size(), 1);
  ASSERT_TRUE(stream_->Read(&ack_));
  EXPECT_EQ(ack_.summary().stored(), 1);
  EXPECT_EQ(ack_.summary().errors_size(), 0);
  EXPECT_FALSE(stream_->Read(&ack_));
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(RecordStreamTest, AnEmptyBatchEndsTheStreamAndWhatWasAcknowledgedStays) {
  ASSERT_TRUE(stream_->Write(BatchOf(1)));
  ASSERT_TRUE(stream_->Read(&ack_));
  ASSERT_TRUE(stream_->Write(v1::StreamRecordsRequest()));
  EXPECT_FALSE(stream_->Read(&ack_));
  EXPECT_EQ(BadFields(stream_->Finish()), std::vector<std::string>{"records"});
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 1");
}

TEST_F(RecordStreamTest, AMessageThatIsNoneEndsTheStreamAfterWhatCameBefore) {
  const auto bytes = [](const std::string& text) {
    const grpc::Slice slice(text);
    return grpc::ByteBuffer(&slice, 1);
  };
  for (const std::string& bad : {std::string("\x0a\x05" "ab"), std::string(11, '\xff'), std::string("\x12\x04\x0a\x02\xc3\x28")}) {
    Call call;
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    void* tag = nullptr;
    bool ok = false;
    const auto next = [&] { return queue.Next(&tag, &ok) && ok; };
    auto stream = stub.PrepareCall(&call.context, "/perennial.accounts.v1.IngestService/StreamRecords", &queue);
    stream->StartCall(nullptr);
    ASSERT_TRUE(next());
    stream->Write(bytes(BatchOf(7).SerializeAsString()), nullptr);
    ASSERT_TRUE(next());
    stream->Write(bytes(bad), nullptr);
    ASSERT_TRUE(next());
    // Not ended by the sender: else the end would follow anyhow.
    grpc::ByteBuffer answer;
    stream->Read(&answer, nullptr);
    ASSERT_TRUE(next());
    v1::StreamRecordsResponse ack;
    ASSERT_TRUE(grpc::SerializationTraits<v1::StreamRecordsResponse>::Deserialize(&answer, &ack).ok());
    EXPECT_EQ(ack.batch_id(), 7);
    stream->Read(&answer, nullptr);
    EXPECT_FALSE(next());
    grpc::Status status;
    stream->Finish(&status, nullptr);
    ASSERT_TRUE(next());
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    google::rpc::Status details;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    EXPECT_THAT(details.DebugString(), ::testing::HasSubstr("MALFORMED_MESSAGE"));
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {
    }
  }
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 1") << "the batch was sent three times";
}

TEST_F(RecordStreamTest, ASenderThatReadsNoAcknowledgementIsHeldBackAndLosesNothing) {
  // Far more than the window and what the transport holds: the sender cannot be through before the first is read.
  constexpr int kBatches = 100;
  std::atomic<int> sent = 0;
  std::thread sender([&] {
    while (sent < kBatches && stream_->Write(BatchOf(sent, 5))) ++sent;
    stream_->WritesDone();
  });
  // What waited together was written together, so the first that shows may be more than one batch.
  EXPECT_TRUE(Eventually([&] { return absl::StartsWith(Fact("acme", "usage.logins.sum_30d"), "number: "); }));
  EXPECT_LT(sent, kBatches);
  int acknowledged = 0;
  while (stream_->Read(&ack_)) EXPECT_EQ(ack_.batch_id(), acknowledged++);
  sender.join();
  EXPECT_TRUE(stream_->Finish().ok());
  EXPECT_EQ(acknowledged, kBatches);
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), absl::StrCat("number: ", kBatches * 5));
}

TEST_F(RecordStreamTest, ACancelledStreamLeavesTheServerWell) {
  for (int round = 0; round < 30; ++round) {
    Call call;
    auto stream = ingest_->StreamRecords(&call.context);
    for (int number = 0; number < 3; ++number) {
      if (!stream->Write(BatchOf(round * 3 + number, 20))) break;
    }
    call.context.TryCancel();
    v1::StreamRecordsResponse ack;
    while (stream->Read(&ack)) {
    }
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  ASSERT_TRUE(stream_->Write(BatchOf(1000)));
  ASSERT_TRUE(stream_->Read(&ack_));
  EXPECT_EQ(ack_.summary().stored(), 1);
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(RecordStreamTest, WhatWasAcknowledgedIsThereAfterACancelAndSendingAllAgainCompletesIt) {
  int acknowledged = 0;
  {
    Call call;
    auto stream = ingest_->StreamRecords(&call.context);
    std::thread sender([&] {
      for (int number = 0; number < 20 && stream->Write(BatchOf(number)); ++number) {
      }
    });
    v1::StreamRecordsResponse ack;
    while (acknowledged < 7 && stream->Read(&ack)) ++acknowledged;
    call.context.TryCancel();
    sender.join();
    while (stream->Read(&ack)) {
    }
    (void)stream->Finish();
  }
  ASSERT_EQ(acknowledged, 7);
  std::int64_t stored_again = 0;
  for (int number = 0; number < 20; ++number) {
    ASSERT_TRUE(stream_->Write(BatchOf(number)));
    ASSERT_TRUE(stream_->Read(&ack_));
    if (number < 7) {
      EXPECT_EQ(ack_.summary().duplicates(), 1) << number;
    }
    stored_again += ack_.summary().stored();
  }
  EXPECT_LE(stored_again, 13);
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 20");
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
}

TEST_F(RecordStreamTest, DrainingEndsAnIdleStreamWithUnavailable) {
  ASSERT_TRUE(stream_->Write(BatchOf(1)));
  ASSERT_TRUE(stream_->Read(&ack_));
  std::thread stopper([&] { server_->Stop(); });
  EXPECT_FALSE(stream_->Read(&ack_));
  EXPECT_EQ(stream_->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

}  // namespace
}  // namespace perennial::accounts::testing
