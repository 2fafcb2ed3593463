// Members that people choose: lists, additions and exclusions, who decided them, and the history of definitions.

#include "segment-svc/member_decisions.h"

#include <gmock/gmock.h>

#include "google/rpc/error_details.pb.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::EngineTest;
using testing::Members;
using testing::TestTime;

std::vector<std::string> FieldsOf(const absl::Status& status) {
  google::rpc::BadRequest detail;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  if (payload.has_value()) detail.ParseFromString(std::string(*payload));
  std::vector<std::string> fields;
  for (const auto& violation : detail.field_violations()) fields.push_back(violation.field());
  return fields;
}

class MemberDecisionsTest : public EngineTest {
 protected:
  MemberDecisionsTest() {
    accounts.Put("acme", {{"mrr", 50.0}});
    accounts.Put("beta", {{"mrr", 500.0}});
    accounts.Put("core", {{"mrr", 5000.0}});
    Sync();
  }
  void CreateList(const std::string& id) {
    v1::CreateSegmentRequest request;
    request.set_segment_id(id);
    request.mutable_segment()->set_display_name(id);
    request.mutable_segment()->set_kind(v1::SEGMENT_KIND_STATIC);
    ASSERT_THAT(segments->Create(request), IsOk());
  }
  template <class Request>
  static Request Of(const std::string& segment, const std::vector<std::string>& account_ids) {
    Request request;
    request.set_parent("segments/" + segment);
    for (const std::string& id : account_ids) request.add_accounts("accounts/" + id);
    return request;
  }
  absl::StatusOr<v1::AddMemberResponse> Add(const std::string& segment, const std::vector<std::string>& ids) {
    auto request = Of<v1::AddMemberRequest>(segment, ids);
    request.set_author("ada");
    return MemberDecisions(*engine, *store).Add(request);
  }
  absl::StatusOr<v1::RemoveMemberResponse> Remove(const std::string& segment, const std::vector<std::string>& ids) {
    return MemberDecisions(*engine, *store).Remove(Of<v1::RemoveMemberRequest>(segment, ids));
  }
  absl::StatusOr<v1::ResetMemberResponse> Reset(const std::string& segment, const std::vector<std::string>& ids) {
    return MemberDecisions(*engine, *store).Reset(Of<v1::ResetMemberRequest>(segment, ids));
  }
  std::vector<std::string> Decisions(const std::string& segment) {
    v1::ListMemberDecisionsRequest request;
    request.set_parent("segments/" + segment);
    request.set_page_size(1);
    std::vector<std::string> decisions;
    do {
      const auto page = MemberDecisions(*engine, *store).List(request);
      EXPECT_THAT(page, IsOk());
      for (const auto& decision : page->decisions()) {
        decisions.push_back((decision.included() ? "+" : "-") + decision.account() + " " + decision.author());
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return decisions;
  }
};

TEST_F(MemberDecisionsTest, AListHasWhomItWasGivenAndNobodyElse) {
  CreateList("friends");
  EXPECT_THAT(MembersOf("friends"), IsEmpty());
  EXPECT_EQ(Add("friends", {"acme", "core"})->entered_count(), 2);
  EXPECT_EQ(MembersOf("friends"), (Members{"acme", "core"}));
  accounts.Put("acme", {{"mrr", 1.0}});
  accounts.Put("new", {{"mrr", 1.0}});
  Sync();
  EXPECT_EQ(MembersOf("friends"), (Members{"acme", "core"}));
  EXPECT_EQ(Remove("friends", {"acme", "beta"})->left_count(), 1);
  EXPECT_EQ(MembersOf("friends"), (Members{"core"}));
  EXPECT_THAT(Decisions("friends"), ElementsAre("+accounts/core ada"));
  Restart();
  Sync();
  EXPECT_EQ(MembersOf("friends"), (Members{"core"}));
}

TEST_F(MemberDecisionsTest, AdditionsAndExclusionsWinOverTheFilterUntilTheyAreReset) {
  Create("big", "mrr > 100");
  EXPECT_EQ(Add("big", {"acme", "beta"})->entered_count(), 1);
  EXPECT_EQ(Remove("big", {"core"})->left_count(), 1);
  EXPECT_EQ(MembersOf("big"), (Members{"acme", "beta"}));
  // Whatever the data, the definition and a restart say.
  accounts.Put("beta", {{"mrr", 1.0}});
  accounts.Put("core", {{"mrr", 9000.0}});
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"acme", "beta"}));
  ASSERT_THAT(SetFilter("big", "mrr > 4000"), IsOk());
  EXPECT_EQ(MembersOf("big"), (Members{"acme", "beta"}));
  Restart();
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"acme", "beta"}));
  EXPECT_THAT(Decisions("big"),
              ElementsAre("+accounts/acme ada", "+accounts/beta ada", "-accounts/core "));
  const auto reset = Reset("big", {"acme", "core", "never-heard-of"});
  ASSERT_THAT(reset, IsOk());
  EXPECT_EQ(reset->entered_count(), 1);
  EXPECT_EQ(reset->left_count(), 1);
  EXPECT_EQ(MembersOf("big"), (Members{"beta", "core"}));
  EXPECT_EQ(Replayed()["big"], (Members{"beta", "core"}));
}

TEST_F(MemberDecisionsTest, EventsSayWhoWasMovedByHandAndWhoFollowed) {
  Create("big", "mrr > 100");
  Create("called", "segment(\"big\") AND mrr < 1000");
  const std::int64_t before = Events().back().revision;
  ASSERT_THAT(Add("big", {"acme"}), IsOk());
  const std::vector<EventRecord> events = Events(before);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].segment_id, "big");
  EXPECT_EQ(events[0].cause, Cause::kManual);
  EXPECT_EQ(events[0].time, clock.Now());
  EXPECT_EQ(events[1].segment_id, "called");
  EXPECT_EQ(events[1].cause, Cause::kData);
  // A decision that is there already moves nobody.
  ASSERT_THAT(Add("big", {"acme"}), IsOk());
  EXPECT_THAT(Events(events[1].revision), IsEmpty());
}

TEST_F(MemberDecisionsTest, ADeletedAccountIsNoMemberAndComesBackAsDecided) {
  CreateList("friends");
  ASSERT_THAT(Add("friends", {"acme"}), IsOk());
  accounts.Delete("acme");
  Sync();
  EXPECT_THAT(MembersOf("friends"), IsEmpty());
  EXPECT_THAT(FieldsOf(Add("friends", {"acme"}).status()), ElementsAre("accounts[0]"));
  accounts.Put("acme", {{"mrr", 1.0}});
  Sync();
  EXPECT_EQ(MembersOf("friends"), (Members{"acme"}));
}

TEST_F(MemberDecisionsTest, NothingIsDecidedWhenItCannotBeStored) {
  Create("big", "mrr > 100");
  store->failing = true;
  EXPECT_THAT(Add("big", {"acme"}).status(), HasCode(absl::StatusCode::kResourceExhausted));
  store->failing = false;
  EXPECT_EQ(MembersOf("big"), (Members{"beta", "core"}));
  accounts.Put("acme", {{"mrr", 51.0}});
  Sync();
  EXPECT_EQ(MembersOf("big"), (Members{"beta", "core"}));
  EXPECT_THAT(Decisions("big"), IsEmpty());
}

TEST_F(MemberDecisionsTest, NamesEveryBadField) {
  Create("big", "mrr > 100");
  v1::AddMemberRequest request;
  request.set_parent("big");
  request.add_accounts("accounts/acme");
  request.add_accounts("acme");
  request.add_accounts("accounts/acme");
  request.set_author(std::string(129, 'x'));
  EXPECT_THAT(FieldsOf(MemberDecisions(*engine, *store).Add(request).status()),
              ElementsAre("parent", "accounts[1]", "accounts[2]", "author"));
  EXPECT_THAT(FieldsOf(MemberDecisions(*engine, *store).Reset({}).status()), ElementsAre("parent", "accounts"));
  EXPECT_THAT(FieldsOf(Add("big", std::vector<std::string>(1001, "acme")).status()), ElementsAre("accounts"));
  EXPECT_THAT(FieldsOf(Add("big", {"acme", "none"}).status()), ElementsAre("accounts[1]"));
  EXPECT_THAT(Add("none", {"acme"}).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Remove("none", {"acme"}).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(Reset("none", {"acme"}).status(), HasCode(absl::StatusCode::kNotFound));
  EXPECT_EQ(MembersOf("big"), (Members{"beta", "core"}));
}

TEST_F(MemberDecisionsTest, AListTakesNoFilterAndNoSegmentChangesItsKind) {
  v1::CreateSegmentRequest request = CreateRequest("friends", "mrr > 1");
  request.mutable_segment()->set_kind(v1::SEGMENT_KIND_STATIC);
  EXPECT_THAT(FieldsOf(segments->Create(request).status()), ElementsAre("segment.filter"));
  request.mutable_segment()->set_kind(static_cast<v1::SegmentKind>(7));
  EXPECT_THAT(FieldsOf(segments->Create(request).status()), ElementsAre("segment.kind"));
  CreateList("friends");
  EXPECT_THAT(FieldsOf(SetFilter("friends", "mrr > 1").status()), ElementsAre("segment.filter"));
  Create("big", "mrr > 100");
  v1::UpdateSegmentRequest update;
  update.mutable_segment()->set_name("segments/big");
  update.mutable_segment()->set_kind(v1::SEGMENT_KIND_STATIC);
  EXPECT_THAT(FieldsOf(segments->Update(update).status()), ElementsAre("segment.kind"));
}

TEST_F(MemberDecisionsTest, ListsDefinitionsNewestFirstWithTheirAuthors) {
  v1::CreateSegmentRequest create = CreateRequest("big", "mrr > 100");
  create.set_author("ada");
  ASSERT_THAT(segments->Create(create), IsOk());
  clock.Advance(absl::Hours(1));
  v1::UpdateSegmentRequest update;
  update.mutable_segment()->set_name("segments/big");
  update.mutable_segment()->set_filter("mrr > 200");
  update.set_author("bob");
  ASSERT_THAT(segments->Update(update), IsOk());
  // A new name is no new definition.
  update.mutable_segment()->set_display_name("Bigger");
  update.set_author("eve");
  ASSERT_THAT(segments->Update(update), IsOk());

  v1::ListSegmentHistoryRequest request;
  request.set_parent("segments/big");
  request.set_page_size(1);
  const auto first = MemberDecisions(*engine, *store).ListHistory(request);
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ(first->revisions_size(), 1);
  EXPECT_EQ(first->revisions(0).definition_revision(), 2);
  EXPECT_EQ(first->revisions(0).filter(), "mrr > 200");
  EXPECT_EQ(first->revisions(0).author(), "bob");
  EXPECT_EQ(first->revisions(0).create_time().seconds(), absl::ToUnixSeconds(clock.Now()));
  request.set_page_token(first->next_page_token());
  const auto second = MemberDecisions(*engine, *store).ListHistory(request);
  ASSERT_THAT(second, IsOk());
  ASSERT_EQ(second->revisions_size(), 1);
  EXPECT_EQ(second->revisions(0).filter(), "mrr > 100");
  EXPECT_EQ(second->revisions(0).author(), "ada");
  EXPECT_EQ(second->next_page_token(), "");
  request.set_parent("segments/none");
  request.clear_page_token();
  EXPECT_THAT(MemberDecisions(*engine, *store).ListHistory(request).status(),
              HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace perennial::segments
