// Entries of the audit trail that are stored with what they tell of, over the end of the process at every moment.
#include "common/audit/kept_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/call_info.h"
#include "common/server/audited_change.h"
#include "perennial/segments/v1/segment_service.pb.h"
#include "tests/testing/process.h"

namespace perennial {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TemporaryFolder;

constexpr std::int32_t kId = 0x54455354;

class KeptChangesTest : public ::testing::Test {
 protected:
  KeptChangesTest() {
    SetAuditSink([this](AuditedChange change) { told_.push_back(std::move(change)); });
    Open();
  }
  ~KeptChangesTest() override { SetAuditSink(nullptr); }

  void Open() {
    auto db = sqlite::Connection::Open(folder_.path() + "/test.db", sqlite::Durability::kFull);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
    const absl::Status migrated = sqlite::Migrate(*db_, kId, {"CREATE TABLE things (id TEXT) STRICT;", kKeptChangesSchema});
    ASSERT_TRUE(migrated.ok()) << migrated;
  }
  // What is kept when the process ends now and starts again.
  void Restart() {
    db_ = nullptr;
    told_.clear();
    Open();
    ASSERT_TRUE(SendKeptChanges(*db_).ok());
  }
  [[nodiscard]] CallInfo CallFor(const std::string& name, const std::string& method = "UpdateSegment") {
    request_.mutable_segment()->set_name(name);
    return {.caller = "ada",
            .traceparent = "",
            .method = "perennial.segments.v1.SegmentService/" + method,
            .request = &request_,
            .audited = true};
  }
  absl::Status Store(const std::string& id) {
    return InAuditedTransaction(*db_, [&] { return db_->Execute(absl::StrCat("INSERT INTO things VALUES ('", id, "')")); });
  }
  // A whole call that changes `name` and answers it.
  void Change(const std::string& name) {
    const CallInfo call = CallFor(name);
    const CallScope scope(call);
    ASSERT_TRUE(Store(name).ok());
    segments::v1::UpdateSegmentResponse response;
    response.mutable_segment()->set_name(name);
    NoteHandled(call, &response);
  }
  [[nodiscard]] int Count(const std::string& table) {
    auto rows = db_->Prepare("SELECT count(*) FROM " + table);
    EXPECT_TRUE(rows.ok() && rows->Step().ok());
    return static_cast<int>(rows->Int64(0));
  }

  const TemporaryFolder folder_;
  std::vector<AuditedChange> told_;
  std::unique_ptr<sqlite::Connection> db_;
  segments::v1::UpdateSegmentRequest request_;
};

TEST_F(KeptChangesTest, AProcessThatEndsBetweenCommitAndJournalTellsOfTheChangeWhenItStarts) {
  std::string id;
  {
    const CallInfo call = CallFor("segments/a");
    const CallScope scope(call);
    request_.mutable_segment()->set_filter("mrr = 7");
    segments::v1::Segment before;
    before.set_filter("mrr = 5");
    NoteOldValue(before);
    ASSERT_TRUE(Store("a").ok());
    EXPECT_THAT(told_, IsEmpty());
    id = call.change_id;
    Restart();
  }
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].id, id);
  EXPECT_EQ(told_[0].caller, "ada");
  EXPECT_EQ(told_[0].resource, "segments/a");
  EXPECT_THAT(told_[0].old_value, HasSubstr("mrr = 5"));
  EXPECT_THAT(told_[0].new_value, HasSubstr("mrr = 7"));
  EXPECT_EQ(Count("things"), 1);
  EXPECT_EQ(Count("kept_changes"), 0);
  Restart();
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(KeptChangesTest, AChangeThatIsRolledBackIsNotTold) {
  const CallInfo call = CallFor("segments/a");
  const CallScope scope(call);
  EXPECT_FALSE(InAuditedTransaction(*db_, [] { return absl::ResourceExhaustedError("full"); }).ok());
  NoteHandled(call, nullptr);
  EXPECT_THAT(told_, IsEmpty());
  Restart();
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(KeptChangesTest, ACallThatFailsAfterItStoredSomethingIsToldWithWhatWasAsked) {
  const CallInfo call = CallFor("segments/a");
  const CallScope scope(call);
  ASSERT_TRUE(Store("a").ok());
  NoteHandled(call, nullptr);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_THAT(told_[0].new_value, HasSubstr("segments/a"));
}

TEST_F(KeptChangesTest, TheEntryKeepsItsIdThroughAllTransactionsOfACallAndIsForgottenWithTheNextChange) {
  {
    const CallInfo call = CallFor("segments/a");
    const CallScope scope(call);
    ASSERT_TRUE(Store("a").ok());
    ASSERT_TRUE(Store("b").ok());
    EXPECT_EQ(Count("kept_changes"), 1);
    NoteHandled(call, &request_);
    ASSERT_THAT(told_, SizeIs(1));
    EXPECT_EQ(told_[0].id, call.change_id);
  }
  Change("segments/c");
  EXPECT_EQ(Count("kept_changes"), 1);
  EXPECT_THAT(told_, SizeIs(2));
}

TEST_F(KeptChangesTest, OneThatIsStillHandledStaysWhileOthersCome) {
  const CallInfo slow = CallFor("segments/slow");
  {
    const CallScope scope(slow);
    ASSERT_TRUE(Store("slow").ok());
  }
  Change("segments/a");
  Change("segments/b");
  EXPECT_EQ(Count("kept_changes"), 2) << "the slow one and the last";
  Restart();
  EXPECT_THAT(told_, SizeIs(2));
  const CallScope scope(slow);
  NoteHandled(slow, nullptr);
}

TEST_F(KeptChangesTest, WhatNoCallChangesAndCopiesOfOtherReplicasAreNotKept) {
  ASSERT_TRUE(Store("sweep").ok());
  CallInfo call = CallFor("segments/a");
  call.audited = false;
  const CallScope scope(call);
  ASSERT_TRUE(Store("copy").ok());
  EXPECT_EQ(Count("things"), 2);
  EXPECT_EQ(Count("kept_changes"), 0);
}

TEST_F(KeptChangesTest, APurgeTakesWhatIsKeptOfTheAccountAndNothingElse) {
  const CallInfo of_account = CallFor("accounts/acme/healthScore");
  {
    const CallScope scope(of_account);
    ASSERT_TRUE(Store("a").ok());
  }
  const CallInfo other = CallFor("accounts/acme2/healthScore");
  {
    const CallScope scope(other);
    ASSERT_TRUE(Store("b").ok());
  }
  ASSERT_TRUE(db_->InTransaction([&] { return ForgetKeptChanges(*db_, "acme"); }).ok());
  Restart();
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].resource, "accounts/acme2/healthScore");
  NoteHandled(of_account, nullptr);
  NoteHandled(other, nullptr);
}

}  // namespace
}  // namespace perennial
