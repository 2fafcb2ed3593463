// GetAccountHierarchy over the wire.
#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;

class HierarchyTest : public ServerTest {
 protected:
  // An account below another, with revenue in dollars.
  void Add(const std::string& id, const std::string& parent, int mrr = 0) {
    v1::CreateAccountRequest request;
    request.set_account_id(id);
    request.mutable_account()->set_display_name("The " + id);
    if (!parent.empty()) request.mutable_account()->set_parent("accounts/" + parent);
    const grpc::Status status = Create(request);
    ASSERT_TRUE(status.ok()) << status.error_message();
    if (mrr == 0) return;
    EXPECT_TRUE(Create(SubscriptionOf(id, "s", absl::StrCat(mrr))).ok());
  }
  grpc::Status Ask(const std::string& id, std::optional<absl::Time> as_of = {}) {
    v1::GetAccountHierarchyRequest request;
    request.set_name("accounts/" + id);
    if (as_of.has_value()) SetTimestamp(*as_of, request.mutable_as_of());
    hierarchy_.Clear();
    return Send(*accounts_, &v1::AccountService::Stub::GetAccountHierarchy, request, &hierarchy_);
  }
  // The tree as text: id, depth, own revenue, revenue with all below.
  std::string Tree(const std::string& id, std::optional<absl::Time> as_of = {}) {
    const grpc::Status status = Ask(id, as_of);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::string text;
    for (const v1::HierarchyNode& node : hierarchy_.nodes()) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", node.account().substr(9), " ", node.depth(), " ",
                      node.mrr().amount(), "/", node.total_mrr().amount());
    }
    return text;
  }
  void MoveBelow(const std::string& id, const std::string& parent) {
    v1::UpdateAccountRequest request;
    request.mutable_account()->set_name("accounts/" + id);
    if (!parent.empty()) request.mutable_account()->set_parent("accounts/" + parent);
    request.mutable_update_mask()->add_paths("parent");
    const grpc::Status status = Update(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  v1::GetAccountHierarchyResponse hierarchy_;
};

TEST_F(HierarchyTest, AnAccountAloneIsItsWholeHierarchy) {
  Add("acme", "", 10);
  EXPECT_EQ(Tree("acme"), "acme 0 10/10");
  EXPECT_EQ(hierarchy_.ancestors_size(), 0);
  EXPECT_EQ(ToTime(hierarchy_.as_of()), clock_.Now());
}

TEST_F(HierarchyTest, EachAccountComesBeforeThoseBelowItAndSiblingsById) {
  Add("top", "", 1);
  Add("b", "top", 10);
  Add("a", "top", 100);
  Add("b1", "b", 1000);
  Add("a1", "a");
  EXPECT_EQ(Tree("top"), "top 0 1/1111, a 1 100/100, a1 2 0/0, b 1 10/1010, b1 2 1000/1000");
  EXPECT_EQ(hierarchy_.nodes(0).descendants(), 4);
  EXPECT_EQ(hierarchy_.nodes(3).descendants(), 1);
  EXPECT_EQ(hierarchy_.nodes(3).parent(), "accounts/top");
  EXPECT_EQ(hierarchy_.nodes(3).display_name(), "The b");
  EXPECT_EQ(hierarchy_.nodes(3).total_mrr().currency_code(), "USD");
}

TEST_F(HierarchyTest, FromWithinTheTreeTheAncestorsAreNamedNearestFirst) {
  Add("top", "", 1);
  Add("mid", "top", 10);
  Add("low", "mid", 100);
  EXPECT_EQ(Tree("low"), "low 0 100/100");
  ASSERT_EQ(hierarchy_.ancestors_size(), 2);
  EXPECT_EQ(hierarchy_.ancestors(0), "accounts/mid");
  EXPECT_EQ(hierarchy_.ancestors(1), "accounts/top");
  EXPECT_EQ(hierarchy_.nodes(0).parent(), "accounts/mid");
}

TEST_F(HierarchyTest, ThePastIsAsItWas) {
  Add("one", "", 1);
  Add("two", "", 2);
  Add("child", "one", 100);
  const absl::Time before = clock_.Now();
  clock_.Advance(absl::Hours(24));
  MoveBelow("child", "two");
  EXPECT_EQ(Tree("one"), "one 0 1/1");
  EXPECT_EQ(Tree("two"), "two 0 2/102, child 1 100/100");
  EXPECT_EQ(Tree("one", before), "one 0 1/101, child 1 100/100");
  EXPECT_EQ(Tree("two", before), "two 0 2/2");
  EXPECT_EQ(Ask("one", before - absl::Hours(1)).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(HierarchyTest, AfterAParentIsTakenAwayTheAccountStandsAlone) {
  Add("one", "", 1);
  Add("child", "one", 100);
  clock_.Advance(absl::Hours(24));
  MoveBelow("child", "");
  EXPECT_EQ(Tree("one"), "one 0 1/1");
}

TEST_F(HierarchyTest, DeletedAccountsAreLeftOutWithAllBelowThem) {
  Add("top", "", 1);
  Add("mid", "top", 10);
  Add("low", "mid", 100);
  ASSERT_TRUE(Delete("mid").ok());
  EXPECT_EQ(Tree("top"), "top 0 1/1");
  ASSERT_TRUE(Undelete("mid").ok());
  EXPECT_EQ(Tree("top"), "top 0 1/111, mid 1 10/110, low 2 100/100");
}

// As of a moment of the past a parent may be below its child: nothing checks it there.
TEST_F(HierarchyTest, ALoopInThePastEnds) {
  Add("a", "", 1);
  Add("b", "", 10);
  const absl::Time start = clock_.Now();
  clock_.Advance(absl::Hours(48));
  for (const auto& [id, parent] : {std::pair("a", "b"), std::pair("b", "a")}) {
    v1::Record record;
    record.set_account(absl::StrCat("accounts/", id));
    record.mutable_account_state()->set_display_name("x");
    record.mutable_account_state()->set_parent(absl::StrCat("accounts/", parent));
    SetTimestamp(start + absl::Hours(1), record.mutable_event_time());
    Write({record});
    MoveBelow(id, "");
  }
  EXPECT_EQ(Tree("a", start + absl::Hours(2)), "a 0 1/11, b 1 10/10");
  ASSERT_EQ(hierarchy_.ancestors_size(), 1);
  EXPECT_EQ(Tree("a"), "a 0 1/1");
}

TEST_F(HierarchyTest, TenThousandAreShownAndOneMoreIsRefused) {
  Add("top", "", 1);
  std::vector<v1::Record> records;
  for (int i = 0; i < 10'000; ++i) {
    v1::Record& record = records.emplace_back();
    record.set_account(absl::StrCat("accounts/a", i));
    record.mutable_account_state()->set_display_name("x");
    record.mutable_account_state()->set_parent(i % 100 == 0 ? "accounts/top"
                                                            : absl::StrCat("accounts/a", i / 100 * 100));
    SetTimestamp(clock_.Now(), record.mutable_event_time());
  }
  Write(records);
  ASSERT_TRUE(Ask("top").ok());
  EXPECT_EQ(hierarchy_.nodes_size(), 10'001);
  EXPECT_EQ(hierarchy_.nodes(0).descendants(), 10'000);
  Add("more", "a0");
  EXPECT_EQ(Ask("top").error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(Ask("a0").error_code(), grpc::StatusCode::OK);
}

TEST_F(HierarchyTest, NamesEveryBadField) {
  v1::GetAccountHierarchyRequest request;
  request.set_name("x");
  SetTimestamp(clock_.Now() + absl::Hours(1), request.mutable_as_of());
  EXPECT_EQ(BadFields(Send(*accounts_, &v1::AccountService::Stub::GetAccountHierarchy, request, &hierarchy_)),
            (Fields{"as_of", "name"}));
  EXPECT_EQ(Ask("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace perennial::accounts::testing
