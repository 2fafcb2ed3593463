// What is left of an account that was purged, and of a feed that was replaced.
#include <gmock/gmock.h>

#include "segment-svc/engagement_store.h"
#include "segment-svc/member_decisions.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::AccountsFeed;
using testing::EngineTest;
using testing::Members;

class PurgeTest : public EngineTest {
 protected:
  PurgeTest() {
    accounts.Put("acme", {{"mrr", 500.0}});
    accounts.Put("beta", {{"mrr", 500.0}});
    Sync();
    Create("big", "mrr > 100");
    Create("small", "mrr <= 100");
    v1::AddMemberRequest add;
    add.set_parent("segments/small");
    add.add_accounts("accounts/acme");
    EXPECT_THAT(MemberDecisions(*engine, *store).Add(add), IsOk());
    Follow();
  }
  void Follow() {
    engine->SetOnPurge([this](const std::string& account) {
      told.push_back(account);
      return absl::OkStatus();
    });
  }
  // The next message of the facts feed, in which deleted accounts are purged ones.
  perennial::accounts::v1::WatchFactsResponse Message() {
    auto message = accounts.Since(engine->facts_resume());
    for (auto& row : *message.mutable_rows()) row.set_purged(row.deleted());
    return message;
  }
  void SyncPurged() {
    ASSERT_THAT(engine->Apply(Message()), IsOk());
    ASSERT_THAT(SyncScores(), IsOk());
  }
  std::vector<StayRecord> Stays(const std::string& account) {
    const auto stays = store->Stays(account, true, "", 0, 100);
    EXPECT_THAT(stays, IsOk());
    return stays.value_or(std::vector<StayRecord>());
  }
  std::set<std::string> AccountsInEvents() {
    std::set<std::string> ids;
    for (const EventRecord& event : Events()) ids.insert(event.account_id);
    return ids;
  }
  std::int64_t Decisions() {
    std::int64_t count = 0;
    EXPECT_THAT(store->LoadDecisions([&](std::int64_t, absl::string_view, bool) { ++count; }), IsOk());
    return count;
  }

  std::vector<std::string> told;
};

TEST_F(PurgeTest, NothingOfItStays) {
  ASSERT_EQ(Stays("acme").size(), 2U);
  const std::int64_t last = Events().back().revision;
  accounts.Delete("acme");
  SyncPurged();
  EXPECT_THAT(Stays("acme"), IsEmpty());
  EXPECT_THAT(AccountsInEvents(), ElementsAre("beta"));
  EXPECT_EQ(Decisions(), 0);
  EXPECT_THAT(told, ElementsAre("acme"));
  EXPECT_EQ(MembersOf("big"), Members{"beta"});
  EXPECT_EQ(Stays("beta").size(), 1U);
  // Its last events had the greatest revisions; they are not given out again, after a restart neither.
  Restart();
  SyncPurged();
  accounts.Put("beta", {{"mrr", 5.0}});
  Sync();
  EXPECT_GT(Events().back().revision, last + 2);
}

TEST_F(PurgeTest, ANewAccountOfItsIdKeepsItsOwnWhenTheFeedIsReadAgain) {
  const std::int64_t purge = accounts.Delete("acme");
  SyncPurged();
  accounts.Put("acme", {{"mrr", 500.0}});
  Sync();
  accounts.Put("acme", {{"mrr", 50.0}});
  Sync();
  ASSERT_EQ(Stays("acme").size(), 2U);
  EXPECT_EQ(MembersOf("small"), Members{"acme"}) << "by the filter; what was decided about the old one is gone";
  Restart();
  Follow();
  told.clear();
  auto message = accounts.Since(0);
  auto* tombstone = message.add_rows();  // before the rows of the new one, as the feed has it
  tombstone->set_account_id("acme");
  tombstone->set_revision(purge);
  tombstone->set_deleted(true);
  tombstone->set_purged(true);
  for (int i = message.rows_size() - 1; i > 0; --i) message.mutable_rows()->SwapElements(i, i - 1);
  ASSERT_THAT(engine->Apply(message), IsOk());
  ASSERT_THAT(SyncScores(), IsOk());
  EXPECT_EQ(Stays("acme").size(), 2U);
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(PurgeTest, IsCarriedOutAfterARestartWhenItCameBefore) {
  accounts.Delete("acme");
  Restart();
  Follow();
  ASSERT_THAT(engine->Apply(Message()), IsOk());
  EXPECT_EQ(Stays("acme").size(), 2U) << "it has not left yet: scores are still to come";
  ASSERT_THAT(SyncScores(), IsOk());
  EXPECT_THAT(engine->Sweep(), IsOk());
  EXPECT_THAT(Stays("acme"), IsEmpty());
  EXPECT_THAT(told, ElementsAre("acme"));
}

TEST_F(PurgeTest, IsTriedAgainAfterAFailure) {
  bool fail = true;
  engine->SetOnPurge([&](const std::string&) { return fail ? absl::UnavailableError("busy") : absl::OkStatus(); });
  accounts.Delete("acme");
  SyncPurged();
  EXPECT_EQ(Stays("acme").size(), 2U);
  fail = false;
  EXPECT_THAT(engine->Sweep(), IsOk());
  EXPECT_THAT(Stays("acme"), IsEmpty());
}

TEST(EngagementPurge, AnAssignmentIsForgotten) {
  const testing::TempFolder folder;
  auto store = EngagementStore::Open(folder.path() + "/engagement.db");
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT((*store)->Assign({{"acme", "ann"}, {"beta", "ann"}}, absl::UnixEpoch(), "bob"), IsOk());
  ASSERT_THAT((*store)->Forget("acme"), IsOk());
  const auto state = (*store)->Load();
  ASSERT_THAT(state, IsOk());
  EXPECT_EQ(state->assignments.size(), 1U);
  EXPECT_EQ(state->assignments.count("acme"), 0U);
}

using ReplacedFeedTest = PurgeTest;

TEST_F(ReplacedFeedTest, AccountsThatTheNewOneDoesNotHaveLeave) {
  accounts = AccountsFeed();
  accounts.Put("beta", {{"seats", 3.0}, {"mrr", 700.0}});
  accounts.Put("core", {{"mrr", 900.0}});
  engine->RewindFacts();
  EXPECT_EQ(engine->facts_resume(), 0);
  EXPECT_EQ(MembersOf("big"), (Members{"acme", "beta"})) << "until the new one is known";
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"beta", "core"}));
  EXPECT_EQ(MembersOf("small"), Members{});
}

}  // namespace
}  // namespace perennial::segments
