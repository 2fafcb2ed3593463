// Changes on their way to the audit trail, with accounts-svc there, away, and refusing.
#include "common/audit/audit_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/server/server.h"
#include "tests/operation/collector.h"
#include "tests/testing/process.h"

namespace perennial {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ComesTrue;
using testing::TemporaryFolder;

// What accounts-svc does with entries: each id once.
class FakeTrail final : public accounts::v1::AuditService::CallbackService {
 public:
  grpc::ServerUnaryReactor* WriteAuditEntries(grpc::CallbackServerContext* context,
                                              const accounts::v1::WriteAuditEntriesRequest* request,
                                              accounts::v1::WriteAuditEntriesResponse*) override {
    auto* reactor = context->DefaultReactor();
    const std::lock_guard lock(mu_);
    if (answer_.ok()) {
      for (const auto& entry : request->entries()) {
        if (std::find(ids_.begin(), ids_.end(), entry.id()) == ids_.end()) ids_.push_back(entry.id());
      }
    }
    reactor->Finish(answer_);
    return reactor;
  }
  void Answer(const grpc::Status& status) {
    const std::lock_guard lock(mu_);
    answer_ = status;
  }
  [[nodiscard]] std::vector<std::string> ids() {
    const std::lock_guard lock(mu_);
    return ids_;
  }

 private:
  std::mutex mu_;
  grpc::Status answer_;
  std::vector<std::string> ids_;
};

class AuditSenderTest : public ::testing::Test {
 protected:
  AuditSenderTest() { Serve(); }

  void Serve() {
    auto server = Server::Start({.port = static_cast<std::uint16_t>(port_)}, {&trail_}, {});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  [[nodiscard]] std::shared_ptr<grpc::Channel> Channel() const { return MakeChannel(absl::StrCat("127.0.0.1:", port_)); }
  [[nodiscard]] AuditSender::Options Options(bool journal = false) const {
    AuditSender::Options options{.first_pause = milliseconds(5), .longest_pause = milliseconds(20), .farewell = milliseconds(0)};
    if (journal) options.journal = Journal();
    return options;
  }
  [[nodiscard]] std::string Journal() const { return folder_.path() + "/data/audit.journal"; }
  static AuditedChange Change(const std::string& id, std::size_t bytes = 10) {
    return {.id = id,
            .time = absl::Now(),
            .caller = "ada",
            .method = "perennial.segments.v1.SegmentService/UpdateSegment",
            .resource = "segments/silent",
            .old_value = std::string(bytes, 'o'),
            .new_value = std::string(bytes, 'n')};
  }

  const TemporaryFolder folder_;
  FakeTrail trail_;
  const int port_ = testing::FreePort();
  std::unique_ptr<Server> server_;
};

TEST_F(AuditSenderTest, BringsChangesInOrder) {
  AuditSender sender(Channel(), Options());
  for (const char* id : {"a", "b", "c"}) sender.Send(Change(id));
  EXPECT_TRUE(ComesTrue([&] { return sender.sent() == 3; }));
  EXPECT_THAT(trail_.ids(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(ComesTrue([&] { return sender.waiting() == 0; }));
}

TEST_F(AuditSenderTest, KeepsThemWhileAccountsSvcIsAway) {
  server_ = nullptr;
  AuditSender sender(Channel(), Options());
  sender.Send(Change("a"));
  sender.Send(Change("b"));
  EXPECT_EQ(sender.waiting(), 2U);
  Serve();
  EXPECT_TRUE(ComesTrue([&] { return sender.sent() == 2; }));
  EXPECT_THAT(trail_.ids(), ElementsAre("a", "b"));
  EXPECT_EQ(sender.dropped(), 0);
}

TEST_F(AuditSenderTest, CountsWhatItCannotKeep) {
  server_ = nullptr;
  AuditSender::Options options = Options();
  options.most_waiting = 2;
  AuditSender few(Channel(), options);
  for (const char* id : {"a", "b", "c"}) few.Send(Change(id));
  EXPECT_EQ(few.waiting(), 2U);
  EXPECT_EQ(few.dropped(), 1);
  options = Options();
  options.most_bytes = 1000;
  AuditSender small(Channel(), options);
  small.Send(Change("a", 300));
  small.Send(Change("b", 300));
  EXPECT_EQ(small.waiting(), 1U);
  EXPECT_EQ(small.dropped(), 1);
}

TEST_F(AuditSenderTest, OneThatIsRefusedHoldsUpNoOther) {
  AuditSender sender(Channel(), Options());
  trail_.Answer({grpc::StatusCode::INVALID_ARGUMENT, "no"});
  sender.Send(Change("bad"));
  ASSERT_TRUE(ComesTrue([&] { return sender.dropped() == 1; }));
  trail_.Answer(grpc::Status::OK);
  sender.Send(Change("good"));
  EXPECT_TRUE(ComesTrue([&] { return sender.sent() == 1; }));
  EXPECT_THAT(trail_.ids(), ElementsAre("good"));
}

TEST_F(AuditSenderTest, ItsJournalOutlivesTheProcess) {
  server_ = nullptr;
  {
    AuditSender sender(Channel(), Options(true));
    sender.Send(Change("a"));
    sender.Send(Change("b"));
  }
  // Cut off in the middle of a third, as by a crash.
  std::ofstream(Journal(), std::ios::binary | std::ios::app) << "\x70torn";
  Serve();
  AuditSender sender(Channel(), Options(true));
  EXPECT_TRUE(ComesTrue([&] { return sender.sent() == 2; }));
  EXPECT_THAT(trail_.ids(), ElementsAre("a", "b"));
  EXPECT_TRUE(ComesTrue([&] { return std::filesystem::file_size(Journal()) == 0; }));
  EXPECT_EQ(sender.unjournaled(), 0);
}

TEST_F(AuditSenderTest, WhatWasSentTwiceIsThereOnce) {
  AuditedChange change = Change("a");
  {
    std::vector<accounts::v1::AuditEntry> left;
    std::filesystem::create_directories(folder_.path() + "/data");
    auto journal = AuditJournal::Open(Journal(), left);
    ASSERT_TRUE(journal.ok()) << journal.status();
    accounts::v1::AuditEntry entry;
    entry.set_id("a");
    ASSERT_TRUE((*journal)->Append(entry).ok());
  }
  AuditSender sender(Channel(), Options(true));
  sender.Send(change);
  EXPECT_TRUE(ComesTrue([&] { return sender.sent() == 2; }));
  EXPECT_THAT(trail_.ids(), ElementsAre("a"));
}

TEST_F(AuditSenderTest, GoesOnWithoutAJournalThatItCannotWriteAndSaysSo) {
  AuditSender first(Channel(), Options(true));
  AuditSender second(Channel(), Options(true));  // the first has the file
  second.Send(Change("a"));
  EXPECT_TRUE(ComesTrue([&] { return second.sent() == 1; }));
  EXPECT_EQ(second.unjournaled(), 1);
  Metrics metrics;
  MeasureAudit(second, metrics);
  EXPECT_THAT(metrics.Text(), ::testing::HasSubstr("perennial_audit_entries_total{result=\"unjournaled\"} 1"));
}

TEST(AuditJournalTest, IgnoresAFileThatIsNone) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/journal";
  std::ofstream(path, std::ios::binary) << std::string(5000, '\xff');
  std::vector<accounts::v1::AuditEntry> left;
  auto journal = AuditJournal::Open(path, left);
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_THAT(left, IsEmpty());
  EXPECT_EQ((*journal)->bytes(), 0U);
}

}  // namespace
}  // namespace perennial
