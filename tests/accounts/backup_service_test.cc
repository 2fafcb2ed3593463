// CreateBackup over the wire: whatever the database is, a SQLite file that a service can go on with.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "perennial/accounts/v1/backup_service.grpc.pb.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {
namespace {

class BackupServiceTest : public CareTest {
 protected:
  void SetUp() override {
    CareTest::SetUp();
    backup_ = v1::BackupService::NewStub(channel_);
  }
  // A backup's bytes, checked against its digest.
  grpc::Status Backup(std::string* bytes) {
    Call call;
    const auto stream = backup_->CreateBackup(&call.context, v1::CreateBackupRequest());
    v1::CreateBackupResponse piece;
    std::string digest;
    bytes->clear();
    while (stream->Read(&piece)) {
      EXPECT_EQ(piece.file(), "accounts.db");
      EXPECT_LE(piece.data().size(), 1U << 20);
      if (piece.data().empty()) continue;
      EXPECT_EQ(piece.offset(), static_cast<std::int64_t>(bytes->size()));
      *bytes += piece.data();
      digest = piece.sha256();
    }
    const grpc::Status finished = stream->Finish();
    if (finished.ok()) {
      EXPECT_EQ(digest, Sha256().Add(*bytes).HexDigest());
    }
    return finished;
  }
  void FillAcme() {
    ASSERT_TRUE(Create(SubscriptionOf("acme", "s", "123.45")).ok());
    ASSERT_TRUE(Add(ContactOf("bob")).ok());
    ASSERT_TRUE(Add(GoalOf("more")).ok());
    ASSERT_TRUE(Add(TaskOf("call")).ok());
    std::vector<v1::Record> records;
    for (int i = 0; i < 2500; ++i) {  // more than are copied at once
      records.push_back(Usage("acme", absl::StrCat("r", i), absl::StrCat("metric", i % 3), i / 7.0));
      if (records.size() == 1000) Write(std::exchange(records, {}));
    }
    Write(records);
    CreateAccount("zeta");
    ASSERT_TRUE(Delete("zeta").ok());
  }

  std::unique_ptr<v1::BackupService::Stub> backup_;
};

TEST_F(BackupServiceTest, AServerOnTheCopyAnswersTheSame) {
  FillAcme();
  const Facts facts = FactsOf("acme");
  const std::string account = GetAccount("acme").DebugString();
  std::string bytes;
  const grpc::Status status = Backup(&bytes);
  ASSERT_TRUE(status.ok()) << status.error_message();

  const TempFolder other;
  std::ofstream(other.path() + "/accounts.db", std::ios::binary) << bytes;
  server_ = nullptr;
  auto server = AccountsServer::Start({.data = other.path(), .sweep_interval = std::chrono::milliseconds(5)}, clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = server_->InProcessChannel();
  accounts_ = v1::AccountService::NewStub(channel_);
  facts_ = v1::FactService::NewStub(channel_);
  ingest_ = v1::IngestService::NewStub(channel_);
  Connect();
  EXPECT_EQ(FactsOf("acme"), facts);
  EXPECT_GT(facts.size(), 30U);
  EXPECT_EQ(GetAccount("acme").DebugString(), account);
  v1::Account zeta;
  ASSERT_TRUE(Get("zeta", &zeta).ok());
  EXPECT_TRUE(zeta.has_delete_time());
  EXPECT_EQ(Add(TaskOf("call")).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Write({Usage("acme", "r17", "metric2", 17 / 7.0)}).duplicates(), 1);
}

TEST_F(BackupServiceTest, HasWhatWasAcknowledgedBeforeItWhileMoreIsWritten) {
  std::atomic<int> acknowledged = 0;
  std::atomic<bool> stop = false;
  std::thread writing([&] {
    for (int i = 0; !stop; ++i) {
      v1::BatchSummary summary;
      if (Write({Usage("acme", absl::StrCat("r", i), "logins")}, &summary).ok()) acknowledged = i + 1;
    }
  });
  while (acknowledged < 50) std::this_thread::yield();
  const int before = acknowledged;
  std::string bytes;
  EXPECT_TRUE(Backup(&bytes).ok());
  stop = true;
  writing.join();
  const int after = acknowledged;

  const TempFolder other;
  std::ofstream(other.path() + "/accounts.db", std::ios::binary) << bytes;
  server_ = nullptr;
  auto server = AccountsServer::Start({.data = other.path()}, clock_);
  ASSERT_TRUE(server.ok()) << server.status();
  v1::GetFactsRequest request;
  request.set_name("accounts/acme");
  v1::GetFactsResponse response;
  const auto facts = v1::FactService::NewStub((*server)->InProcessChannel());
  ASSERT_TRUE(Send(*facts, &v1::FactService::Stub::GetFacts, request, &response).ok());
  double sum = -1;
  for (const v1::Fact& fact : response.facts()) {
    if (fact.name() == "usage.logins.sum_7d") sum = fact.number();
  }
  EXPECT_GE(sum, before);
  EXPECT_LE(sum, after + 1);
}

TEST_F(BackupServiceTest, IsCutOffWithItsReaderAndLeavesNothing) {
  FillAcme();
  {
    Call call;
    const auto stream = backup_->CreateBackup(&call.context, v1::CreateBackupRequest());
    v1::CreateBackupResponse piece;
    ASSERT_TRUE(stream->Read(&piece));
    call.context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  std::string bytes;
  EXPECT_TRUE(Eventually([&] { return Backup(&bytes).ok(); })) << "the next one may begin";
  EXPECT_TRUE(Eventually([&] { return !std::filesystem::exists(folder_.path() + "/.backup"); }));
}

TEST_F(BackupServiceTest, ARestoredFeedIsAnotherOne) {
  const auto watch = [&](const v1::WatchFactsRequest& request, v1::WatchFactsResponse* message) {
    Call call;
    const auto stream = facts_->WatchFacts(&call.context, request);
    const bool read = stream->Read(message);
    if (read) call.context.TryCancel();
    const grpc::Status finished = stream->Finish();
    return read ? grpc::Status::OK : finished;
  };
  v1::WatchFactsRequest request;
  v1::WatchFactsResponse message;
  ASSERT_TRUE(watch(request, &message).ok());
  EXPECT_EQ(message.feed_id().size(), 16U);
  request.set_start_revision(message.progress_revision() - 1);
  request.set_feed_id(message.feed_id());
  EXPECT_TRUE(watch(request, &message).ok());
  Restart();
  EXPECT_TRUE(watch(request, &message).ok()) << "of the same database";
  request.set_feed_id("0123456789abcdef");
  EXPECT_EQ(watch(request, &message).error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

}  // namespace
}  // namespace perennial::accounts::testing
