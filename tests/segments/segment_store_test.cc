// What every SegmentStore does, whatever it is made of.

#include "segment-svc/segment_store.h"

#include <gmock/gmock.h>

#include <functional>
#include <memory>
#include <thread>

#include "absl/strings/str_cat.h"
#include "segment-svc/sqlite_segment_store.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::FieldsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::TempFolder;
using testing::TestTime;

struct Backend {
  std::string name;
  std::function<std::unique_ptr<SegmentStore>(const std::string& folder)> open;
};
void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }

class SegmentStoreTest : public ::testing::TestWithParam<Backend> {
 protected:
  SegmentStoreTest() { Reopen(); }
  void Reopen() {
    store_.reset();
    store_ = GetParam().open(folder_.path());
  }

  static SegmentRecord Segment(std::int64_t uid, const std::string& id) {
    SegmentRecord record;
    record.uid = uid;
    record.id = id;
    record.display_name = "Name of " + id;
    record.filter = "mrr > 0";
    record.create_time = record.update_time = TestTime();
    return record;
  }
  void Insert(std::int64_t uid, const std::string& id) {
    StoreWrite write;
    write.created.push_back(Segment(uid, id));
    ASSERT_THAT(store_->Write(write), IsOk());
  }
  absl::StatusOr<std::int64_t> Move(std::int64_t uid, absl::string_view account, bool entered,
                                    absl::Time time = TestTime()) {
    StoreWrite write;
    write.changes.push_back(
        {.segment_uid = uid, .account_id = account, .entered = entered, .time = time, .cause = Cause::kData});
    return store_->Write(write);
  }
  std::vector<std::pair<std::int64_t, std::string>> OpenStays() {
    std::vector<std::pair<std::int64_t, std::string>> stays;
    EXPECT_THAT(store_->LoadMembers([&](std::int64_t uid, absl::string_view account) {
      stays.emplace_back(uid, std::string(account));
    }),
                IsOk());
    return stays;
  }

  TempFolder folder_;
  std::unique_ptr<SegmentStore> store_;
};

TEST_P(SegmentStoreTest, IsEmptyAtFirst) {
  const auto state = store_->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(state->segments, IsEmpty());
  EXPECT_EQ(state->greatest_uid, 0);
  EXPECT_EQ(state->event_revision, 0);
  EXPECT_EQ(state->progress, (Progress{0, 0}));
  EXPECT_THAT(OpenStays(), IsEmpty());
}

TEST_P(SegmentStoreTest, KeepsEveryFieldOfASegment) {
  SegmentRecord record = Segment(7, "at-risk");
  record.display_name = "Ünïcode '; DROP TABLE segments; -- \x01";
  record.description = std::string(2048, 'd');
  record.canonical_filter = "(mrr > 0)";
  record.references = {"big", "silent"};
  record.definition_revision = 3;
  record.revision = 9;
  record.update_time = TestTime() + absl::Microseconds(123457);
  StoreWrite write;
  write.created.push_back(record);
  ASSERT_THAT(store_->Write(write), IsOk());
  Reopen();
  const auto state = store_->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(state->segments, ElementsAre(record));
  EXPECT_EQ(state->greatest_uid, 7);
}

TEST_P(SegmentStoreTest, ListsSegmentsById) {
  Insert(1, "b");
  Insert(2, "a");
  const auto state = store_->Load();
  ASSERT_THAT(state, IsOk());
  ASSERT_EQ(state->segments.size(), 2U);
  EXPECT_EQ(state->segments[0].id, "a");
}

TEST_P(SegmentStoreTest, RefusesASecondSegmentOfOneId) {
  Insert(1, "a");
  StoreWrite write;
  write.created.push_back(Segment(2, "a"));
  EXPECT_THAT(store_->Write(write), HasCode(absl::StatusCode::kAlreadyExists));
}

TEST_P(SegmentStoreTest, GivesADeletedIdToANewSegmentButNeverItsUid) {
  Insert(1, "a");
  StoreWrite write;
  write.deleted.push_back(1);
  write.created.push_back(Segment(2, "a"));
  ASSERT_THAT(store_->Write(write), IsOk());
  const auto state = store_->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(state->segments, ElementsAre(Segment(2, "a")));
  StoreWrite remove;
  remove.deleted.push_back(2);
  ASSERT_THAT(store_->Write(remove), IsOk());
  EXPECT_EQ(store_->Load()->greatest_uid, 2);
}

TEST_P(SegmentStoreTest, RefusesToUpdateOrDeleteWhatIsNotThere) {
  StoreWrite update;
  update.updated.push_back(Segment(1, "a"));
  EXPECT_THAT(store_->Write(update), HasCode(absl::StatusCode::kInternal));
  StoreWrite remove;
  remove.deleted.push_back(1);
  EXPECT_THAT(store_->Write(remove), HasCode(absl::StatusCode::kInternal));
}

TEST_P(SegmentStoreTest, KeepsEveryFilterThatASegmentHasHad) {
  Insert(1, "a");
  SegmentRecord record = Segment(1, "a");
  record.revision = 2;
  record.display_name = "only the name";
  StoreWrite rename;
  rename.updated.push_back(record);
  ASSERT_THAT(store_->Write(rename), IsOk());
  record.definition_revision = 2;
  record.filter = "mrr > 100";
  record.update_time = TestTime() + absl::Hours(1);
  record.author = "ada";
  StoreWrite refilter;
  refilter.updated.push_back(record);
  ASSERT_THAT(store_->Write(refilter), IsOk());
  const auto definitions = store_->Definitions(1, 1000, 1000);
  ASSERT_THAT(definitions, IsOk());
  EXPECT_THAT(*definitions, ElementsAre(FieldsAre(2, "mrr > 100", TestTime() + absl::Hours(1), "ada"),
                                        FieldsAre(1, "mrr > 0", TestTime(), "")));
  EXPECT_EQ(store_->Definitions(1, 2, 1000)->size(), 1U);
  EXPECT_EQ(store_->Definitions(1, 1000, 1)->front().definition_revision, 2);
  // Comes back with the segment.
  Reopen();
  EXPECT_EQ(store_->Load()->segments.front().author, "ada");
}

TEST_P(SegmentStoreTest, KeepsWhatWasDecidedByHandUntilItIsForgotten) {
  Insert(1, "a");
  Insert(2, "b");
  StoreWrite write;
  for (const char* account : {"acme", "beta", "core"}) {
    write.decisions.push_back(
        {.segment_uid = 1, .account_id = account, .included = true, .author = "ada", .time = TestTime()});
  }
  write.decisions.push_back(
      {.segment_uid = 2, .account_id = "acme", .included = false, .author = "", .time = TestTime()});
  ASSERT_THAT(store_->Write(write), IsOk());
  StoreWrite change;
  change.decisions.push_back(
      {.segment_uid = 1, .account_id = "beta", .included = false, .author = "bob", .time = TestTime()});
  change.decisions.push_back(
      {.segment_uid = 1, .account_id = "core", .included = std::nullopt, .author = "", .time = TestTime()});
  ASSERT_THAT(store_->Write(change), IsOk());
  Reopen();
  const auto decisions = store_->Decisions(1, "", 10);
  ASSERT_THAT(decisions, IsOk());
  EXPECT_THAT(*decisions, ElementsAre(FieldsAre("acme", true, "ada", TestTime()),
                                      FieldsAre("beta", false, "bob", TestTime())));
  EXPECT_THAT(*store_->Decisions(1, "acme", 10), ElementsAre(FieldsAre("beta", false, "bob", TestTime())));
  EXPECT_EQ(store_->Decisions(1, "", 1)->size(), 1U);
  std::vector<std::string> loaded;
  ASSERT_THAT(store_->LoadDecisions([&](std::int64_t uid, absl::string_view account, bool included) {
    loaded.push_back(absl::StrCat(uid, " ", account, included ? " in" : " out"));
  }),
              IsOk());
  EXPECT_THAT(loaded, ElementsAre("1 acme in", "1 beta out", "2 acme out"));
  StoreWrite remove;
  remove.deleted.push_back(1);
  ASSERT_THAT(store_->Write(remove), IsOk());
  EXPECT_THAT(*store_->Decisions(1, "", 10), IsEmpty());
}

TEST_P(SegmentStoreTest, NumbersEventsWithoutGaps) {
  Insert(1, "a");
  Insert(2, "b");
  StoreWrite write;
  for (const std::int64_t uid : {1, 2}) {
    write.changes.push_back(
        {.segment_uid = uid, .account_id = "acme", .entered = true, .time = TestTime(), .cause = Cause::kTime});
  }
  const auto first = store_->Write(write);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(*first, 2);
  EXPECT_EQ(*Move(1, "acme", false), 3);
  Reopen();
  EXPECT_EQ(store_->Load()->event_revision, 3);
  const auto events = store_->Events(1, 3, "");
  ASSERT_THAT(events, IsOk());
  EXPECT_THAT(*events, ElementsAre(FieldsAre(2, "b", "acme", true, TestTime(), Cause::kTime),
                                   FieldsAre(3, "a", "acme", false, TestTime(), Cause::kData)));
}

TEST_P(SegmentStoreTest, GivesEventsOfOneIdAlsoFromItsEarlierLife) {
  Insert(1, "a");
  Insert(2, "b");
  ASSERT_THAT(Move(1, "acme", true), IsOk());
  ASSERT_THAT(Move(2, "acme", true), IsOk());
  StoreWrite write;
  write.deleted.push_back(1);
  write.created.push_back(Segment(3, "a"));
  write.changes.push_back({.segment_uid = 1, .account_id = "acme", .entered = false, .time = TestTime()});
  ASSERT_THAT(store_->Write(write), IsOk());
  ASSERT_THAT(Move(3, "acme", true), IsOk());
  const auto events = store_->Events(0, 100, "a");
  ASSERT_THAT(events, IsOk());
  std::vector<std::int64_t> revisions;
  for (const EventRecord& event : *events) revisions.push_back(event.revision);
  EXPECT_THAT(revisions, ElementsAre(1, 3, 4));
}

TEST_P(SegmentStoreTest, StoresNothingOfAWriteThatFails) {
  Insert(1, "a");
  ASSERT_THAT(Move(1, "acme", true), IsOk());
  StoreWrite write;
  write.created.push_back(Segment(2, "b"));
  write.shipped = {"b"};
  write.health_facts = {"flags.silent"};
  write.progress = Progress{5, 4};
  write.changes.push_back({.segment_uid = 2, .account_id = "beta", .entered = true, .time = TestTime()});
  write.changes.push_back({.segment_uid = 1, .account_id = "acme", .entered = true, .time = TestTime()});
  EXPECT_THAT(store_->Write(write), HasCode(absl::StatusCode::kInternal));
  const auto state = store_->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->segments.size(), 1U);
  EXPECT_THAT(state->shipped, IsEmpty());
  EXPECT_THAT(state->health_facts, IsEmpty());
  EXPECT_EQ(state->event_revision, 1);
  EXPECT_EQ(state->progress, (Progress{0, 0}));
  EXPECT_THAT(OpenStays(), ElementsAre(Pair(1, "acme")));
}

TEST_P(SegmentStoreTest, RefusesALeaveOfWhoIsNotIn) {
  Insert(1, "a");
  EXPECT_THAT(Move(1, "acme", false), HasCode(absl::StatusCode::kInternal));
}

TEST_P(SegmentStoreTest, NeverEndsAStayBeforeItBegan) {
  Insert(1, "a");
  ASSERT_THAT(Move(1, "acme", true, TestTime()), IsOk());
  ASSERT_THAT(Move(1, "acme", false, TestTime() - absl::Hours(1)), IsOk());
  const auto stays = store_->Stays("acme", true, "", 0, 10);
  ASSERT_THAT(stays, IsOk());
  ASSERT_EQ(stays->size(), 1U);
  EXPECT_EQ((*stays)[0].leave_time, TestTime());
  EXPECT_EQ((*store_->Events(1, 2, ""))[0].time, TestTime());
}

TEST_P(SegmentStoreTest, PagesThroughMembersByAccount) {
  Insert(1, "a");
  for (const char* account : {"b", "B", "a", "c"}) ASSERT_THAT(Move(1, account, true), IsOk());
  ASSERT_THAT(Move(1, "a", false), IsOk());
  const auto accounts = [&](absl::string_view after) {
    std::vector<std::string> ids;
    const auto page = store_->Members(1, after, 2);
    EXPECT_THAT(page, IsOk());
    for (const StayRecord& stay : *page) ids.push_back(stay.account_id);
    return ids;
  };
  // By bytes, so that capital letters come first and ids that differ by case alone are two.
  EXPECT_THAT(accounts(""), ElementsAre("B", "b"));
  EXPECT_THAT(accounts("b"), ElementsAre("c"));
  EXPECT_THAT(accounts("c"), IsEmpty());
}

TEST_P(SegmentStoreTest, PagesThroughStaysOldOnesOnRequest) {
  Insert(1, "b");
  Insert(2, "a");
  ASSERT_THAT(Move(1, "acme", true), IsOk());
  ASSERT_THAT(Move(2, "acme", true), IsOk());
  ASSERT_THAT(Move(1, "acme", false), IsOk());
  ASSERT_THAT(Move(1, "acme", true), IsOk());
  const auto stays = [&](bool show_left, absl::string_view segment, std::int64_t revision, int limit) {
    std::vector<std::pair<std::string, std::int64_t>> found;
    const auto page = store_->Stays("acme", show_left, segment, revision, limit);
    EXPECT_THAT(page, IsOk());
    for (const StayRecord& stay : *page) found.emplace_back(stay.segment_id, stay.enter_revision);
    return found;
  };
  EXPECT_THAT(stays(false, "", 0, 10), ElementsAre(Pair("a", 2), Pair("b", 4)));
  EXPECT_THAT(stays(true, "", 0, 2), ElementsAre(Pair("a", 2), Pair("b", 1)));
  EXPECT_THAT(stays(true, "b", 1, 2), ElementsAre(Pair("b", 4)));
}

TEST_P(SegmentStoreTest, KeepsProgressShippedIdsAndFactNamesOnce) {
  for (int round = 0; round < 2; ++round) {
    StoreWrite write;
    write.shipped = {"silent", "at-risk"};
    write.health_facts = {"health.measure.logins"};
    write.progress = Progress{.facts_revision = 12, .scored_facts_revision = 11};
    ASSERT_THAT(store_->Write(write), IsOk());
    Reopen();
  }
  const auto state = store_->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_THAT(state->shipped, ElementsAre("at-risk", "silent"));
  EXPECT_THAT(state->health_facts, ElementsAre("health.measure.logins"));
  EXPECT_EQ(state->progress, (Progress{12, 11}));
}

TEST_P(SegmentStoreTest, IsReadWhileItIsWritten) {
  Insert(1, "a");
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) EXPECT_THAT(Move(1, absl::StrCat("account-", i), true), IsOk());
  });
  std::size_t seen = 0;
  while (seen < 200) {
    const auto events = store_->Events(0, 1000, "");
    ASSERT_THAT(events, IsOk());
    ASSERT_GE(events->size(), seen);
    seen = events->size();
    if (seen > 0) {
      ASSERT_EQ(events->back().revision, static_cast<std::int64_t>(seen));
    }
  }
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(All, SegmentStoreTest,
                         ::testing::Values(Backend{"Sqlite",
                                                   [](const std::string& folder) -> std::unique_ptr<SegmentStore> {
                                                     auto store = SqliteSegmentStore::Open(folder + "/segments.db");
                                                     EXPECT_THAT(store, IsOk());
                                                     return *std::move(store);
                                                   }}),
                         [](const auto& info) { return info.param.name; });

TEST(SqliteSegmentStoreTest, RefusesADatabaseOfAnotherProgram) {
  const TempFolder folder;
  const std::string path = folder.path() + "/segments.db";
  {
    auto other = sqlite::Connection::Open(path, sqlite::Durability::kNormal);
    ASSERT_THAT(other, IsOk());
    ASSERT_THAT(sqlite::Migrate(**other, 1, {"CREATE TABLE t (x)"}), IsOk());
  }
  EXPECT_THAT(SqliteSegmentStore::Open(path), HasCode(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace perennial::segments
