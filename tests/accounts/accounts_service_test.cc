// AccountService over the wire, but for lists.
#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;

class AccountsServiceTest : public ServerTest {
 protected:
  // An update of the account that names `paths` in its mask.
  static v1::UpdateAccountRequest UpdateOf(const std::string& id, const std::vector<std::string>& paths) {
    v1::UpdateAccountRequest request;
    request.mutable_account()->set_name("accounts/" + id);
    for (const std::string& path : paths) request.mutable_update_mask()->add_paths(path);
    return request;
  }
};

TEST_F(AccountsServiceTest, CreatesAnAccountAndReadsItBack) {
  v1::CreateAccountRequest request;
  request.set_account_id("acme");
  v1::Account& account = *request.mutable_account();
  account.set_display_name("Acme");
  account.set_owner("ann@example.com");
  account.add_tags("vip");
  account.add_tags("beta");
  (*account.mutable_attributes())["size"].set_number(12);
  SetTimestamp(At("2024-01-02T03:04:05.678901Z"), account.mutable_customer_since());
  v1::Account created;
  ASSERT_TRUE(Create(request, &created).ok());
  EXPECT_EQ(created.name(), "accounts/acme");
  EXPECT_EQ(created.display_name(), "Acme");
  EXPECT_EQ(created.tags(0), "beta");
  EXPECT_EQ(created.attributes().at("size").number(), 12);
  EXPECT_EQ(ToTime(created.customer_since()), At("2024-01-02T03:04:05.678901Z"));
  EXPECT_EQ(ToTime(created.create_time()), clock_.Now());
  EXPECT_EQ(created.phase(), v1::LIFECYCLE_PHASE_UNSPECIFIED);
  EXPECT_EQ(created.revision(), 1);
  EXPECT_FALSE(created.etag().empty());
  EXPECT_EQ(GetAccount("acme").SerializeAsString(), created.SerializeAsString());
}

TEST_F(AccountsServiceTest, AnAccountBeginsWhenItIsCreatedUnlessItIsTold) {
  EXPECT_EQ(ToTime(CreateAccount("acme").customer_since()), clock_.Now());
}

TEST_F(AccountsServiceTest, NamesEveryBadFieldOfANewAccountAtOnceAndStoresNothing) {
  v1::CreateAccountRequest request;
  request.set_account_id("-acme");
  v1::Account& account = *request.mutable_account();
  account.set_owner(std::string(257, 'x'));
  account.set_parent("holdings/x");
  account.add_tags("twice");
  account.add_tags("twice");
  account.add_tags("");
  (*account.mutable_attributes())["Bad Key"].set_number(1);
  (*account.mutable_attributes())["empty"];
  (*account.mutable_attributes())["nan"].set_number(NAN);
  (*account.mutable_attributes())["long"].set_text(std::string(1025, 'x'));
  SetTimestamp(clock_.Now() + absl::Seconds(1), account.mutable_customer_since());
  EXPECT_EQ(BadFields(Create(request)),
            (Fields{"account.attributes.Bad Key", "account.attributes.empty", "account.attributes.long",
                    "account.attributes.nan", "account.customer_since", "account.display_name", "account.owner",
                    "account.parent", "account.tags[1]", "account.tags[2]", "account_id"}));
  v1::ListAccountsResponse list;
  ASSERT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListAccounts, v1::ListAccountsRequest(), &list).ok());
  EXPECT_EQ(list.accounts_size(), 0);
}

TEST_F(AccountsServiceTest, AnEmptyRequestIsToldWhatIsRequired) {
  EXPECT_EQ(BadFields(Create(v1::CreateAccountRequest())), (Fields{"account", "account.display_name", "account_id"}));
  v1::Account account;
  EXPECT_EQ(BadFields(Get("", &account)), Fields{"name"});
  EXPECT_EQ(BadFields(Delete("a/b")), Fields{"name"});
  EXPECT_EQ(BadFields(Undelete("")), Fields{"name"});
  EXPECT_EQ(BadFields(Update(v1::UpdateAccountRequest())), (Fields{"account", "account.name"}));
  v1::ListPhaseChangesResponse phases;
  EXPECT_EQ(
      BadFields(Send(*accounts_, &v1::AccountService::Stub::ListPhaseChanges, v1::ListPhaseChangesRequest(), &phases)),
      Fields{"parent"});
  v1::BatchGetAccountsResponse batch;
  EXPECT_EQ(
      BadFields(Send(*accounts_, &v1::AccountService::Stub::BatchGetAccounts, v1::BatchGetAccountsRequest(), &batch)),
      Fields{"names"});
}

TEST_F(AccountsServiceTest, AnIdIsTakenOnceAlsoByADeletedAccount) {
  CreateAccount("acme");
  v1::CreateAccountRequest request;
  request.set_account_id("acme");
  request.mutable_account()->set_display_name("Other");
  EXPECT_EQ(Create(request).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  ASSERT_TRUE(Delete("acme").ok());
  const grpc::Status status = Create(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_NE(status.error_message().find("undelete"), std::string::npos);
  EXPECT_EQ(GetAccount("acme").display_name(), "The acme");
}

TEST_F(AccountsServiceTest, AnAttributeHasOneTypeInTheWholeSystem) {
  v1::CreateAccountRequest request;
  request.set_account_id("one");
  request.mutable_account()->set_display_name("One");
  (*request.mutable_account()->mutable_attributes())["size"].set_number(1);
  ASSERT_TRUE(Create(request).ok());
  request.set_account_id("two");
  (*request.mutable_account()->mutable_attributes())["size"].set_text("large");
  EXPECT_EQ(BadFields(Create(request)), Fields{"account.attributes.size"});
}

TEST_F(AccountsServiceTest, ValidateOnlyAnswersAndStoresNothing) {
  v1::CreateAccountRequest request;
  request.set_account_id("acme");
  request.mutable_account()->set_display_name("Acme");
  request.set_validate_only(true);
  v1::Account account;
  ASSERT_TRUE(Create(request, &account).ok());
  EXPECT_EQ(account.display_name(), "Acme");
  EXPECT_EQ(Get("acme", &account).error_code(), grpc::StatusCode::NOT_FOUND);

  CreateAccount("acme");
  v1::UpdateAccountRequest update = UpdateOf("acme", {"owner"});
  update.mutable_account()->set_owner("ann");
  update.set_validate_only(true);
  ASSERT_TRUE(Update(update, &account).ok());
  EXPECT_EQ(account.owner(), "ann");
  EXPECT_EQ(GetAccount("acme").owner(), "");
  update.mutable_account()->set_etag("stale");
  EXPECT_EQ(Update(update).error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(AccountsServiceTest, ParentsMustExistAndNeverMakeACircle) {
  v1::CreateAccountRequest request;
  request.set_account_id("child");
  request.mutable_account()->set_display_name("Child");
  request.mutable_account()->set_parent("accounts/top");
  EXPECT_EQ(BadFields(Create(request)), Fields{"account.parent"});
  CreateAccount("top");
  ASSERT_TRUE(Create(request).ok());
  v1::UpdateAccountRequest update = UpdateOf("top", {"parent"});
  update.mutable_account()->set_parent("accounts/child");
  EXPECT_EQ(BadFields(Update(update)), Fields{"account.parent"});
  update.mutable_account()->set_parent("accounts/top");
  EXPECT_EQ(BadFields(Update(update)), Fields{"account.parent"});
  EXPECT_EQ(Fact("child", "parent"), "text: \"top\"");
}

TEST_F(AccountsServiceTest, BatchGetAnswersInOrderAllOrNone) {
  CreateAccount("a");
  CreateAccount("b");
  v1::BatchGetAccountsRequest request;
  for (const char* name : {"accounts/b", "accounts/a", "accounts/b"}) request.add_names(name);
  v1::BatchGetAccountsResponse response;
  ASSERT_TRUE(Send(*accounts_, &v1::AccountService::Stub::BatchGetAccounts, request, &response).ok());
  ASSERT_EQ(response.accounts_size(), 3);
  EXPECT_EQ(response.accounts(1).name(), "accounts/a");
  request.add_names("accounts/x");
  request.add_names("accounts/y");
  const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::BatchGetAccounts, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "accounts/x, accounts/y do not exist");
  request.add_names("nonsense");
  EXPECT_EQ(BadFields(Send(*accounts_, &v1::AccountService::Stub::BatchGetAccounts, request, &response)),
            Fields{"names[5]"});
}

TEST_F(AccountsServiceTest, UpdateChangesWhatTheMaskNamesAndNothingElse) {
  CreateAccount("acme");
  v1::UpdateAccountRequest update = UpdateOf("acme", {"owner", "attributes.size"});
  update.mutable_account()->set_owner("ann");
  update.mutable_account()->set_display_name("not in the mask");
  (*update.mutable_account()->mutable_attributes())["size"].set_number(3);
  (*update.mutable_account()->mutable_attributes())["BAD"].set_number(3);
  v1::Account account;
  const grpc::Status status = Update(update, &account);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(account.owner(), "ann");
  EXPECT_EQ(account.display_name(), "The acme");
  ASSERT_EQ(account.attributes_size(), 1);
  EXPECT_EQ(account.attributes().at("size").number(), 3);
  EXPECT_NE(account.etag(), "");
  update = UpdateOf("acme", {"attributes.size"});
  ASSERT_TRUE(Update(update, &account).ok());
  EXPECT_EQ(account.attributes_size(), 0);
}

TEST_F(AccountsServiceTest, WithoutAMaskTheFieldsThatAreSetChangeAndAStarChangesAll) {
  CreateAccount("acme");
  v1::UpdateAccountRequest update = UpdateOf("acme", {});
  update.mutable_account()->set_owner("ann");
  v1::Account account;
  ASSERT_TRUE(Update(update, &account).ok());
  EXPECT_EQ(account.display_name(), "The acme");
  EXPECT_EQ(account.owner(), "ann");
  update = UpdateOf("acme", {"*"});
  update.mutable_account()->set_display_name("New");
  SetTimestamp(At("2024-01-01T00:00:00Z"), update.mutable_account()->mutable_customer_since());
  ASSERT_TRUE(Update(update, &account).ok());
  EXPECT_EQ(account.display_name(), "New");
  EXPECT_EQ(account.owner(), "");
  EXPECT_EQ(ToTime(account.customer_since()), At("2024-01-01T00:00:00Z"));
}

TEST_F(AccountsServiceTest, NamesEveryBadFieldOfAnUpdateAndChangesNothing) {
  const std::string before = CreateAccount("acme").SerializeAsString();
  v1::UpdateAccountRequest update = UpdateOf("acme", {"display_name", "create_tim", "attributes.No", "tags"});
  for (int i = 0; i < 65; ++i) update.mutable_account()->add_tags(absl::StrCat("t", i));
  SetTimestamp(clock_.Now() + absl::Seconds(1), update.mutable_effective_time());
  EXPECT_EQ(BadFields(Update(update)),
            (Fields{"account.display_name", "account.tags", "effective_time", "update_mask", "update_mask"}));
  EXPECT_EQ(GetAccount("acme").SerializeAsString(), before);
}

TEST_F(AccountsServiceTest, AnUpdateThatChangesNothingKeepsTheEtag) {
  const v1::Account before = CreateAccount("acme");
  v1::UpdateAccountRequest update = UpdateOf("acme", {"display_name"});
  update.mutable_account()->set_display_name("The acme");
  v1::Account after;
  ASSERT_TRUE(Update(update, &after).ok());
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
}

TEST_F(AccountsServiceTest, AStaleEtagAborts) {
  const std::string etag = CreateAccount("acme").etag();
  v1::UpdateAccountRequest update = UpdateOf("acme", {"owner"});
  update.mutable_account()->set_owner("ann");
  update.mutable_account()->set_etag(etag);
  EXPECT_TRUE(Update(update).ok());
  update.mutable_account()->set_owner("bob");
  EXPECT_EQ(Update(update).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(Delete("acme", etag).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(GetAccount("acme").owner(), "ann");
  EXPECT_TRUE(Delete("acme", GetAccount("acme").etag()).ok());
}

TEST_F(AccountsServiceTest, ExactlyOneOfEightUpdatesWithTheSameEtagWins) {
  const std::string etag = CreateAccount("acme").etag();
  std::atomic<int> won = 0;
  std::atomic<int> aborted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      v1::UpdateAccountRequest update = UpdateOf("acme", {"owner"});
      update.mutable_account()->set_owner(absl::StrCat("owner", i));
      update.mutable_account()->set_etag(etag);
      const grpc::Status status = Update(update);
      if (status.ok()) ++won;
      if (status.error_code() == grpc::StatusCode::ABORTED) ++aborted;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(aborted, 7);
}

TEST_F(AccountsServiceTest, AnEffectiveTimeLeavesHistoryBeforeItUntouched) {
  CreateAccount("acme");
  const absl::Time created = clock_.Now();
  clock_.Advance(absl::Hours(48));
  v1::UpdateAccountRequest update = UpdateOf("acme", {"owner"});
  update.mutable_account()->set_owner("ann");
  SetTimestamp(created + absl::Hours(24), update.mutable_effective_time());
  ASSERT_TRUE(Update(update).ok());
  EXPECT_EQ(Fact("acme", "owner", created + absl::Hours(23)), "unknown");
  EXPECT_EQ(Fact("acme", "owner", created + absl::Hours(24)), "text: \"ann\"");
  EXPECT_EQ(Fact("acme", "owner"), "text: \"ann\"");
}

TEST_F(AccountsServiceTest, ABackdatedChangeHoldsFromThenOnAndKeepsLaterChangesOfOtherFields) {
  CreateAccount("acme");
  const absl::Time created = clock_.Now();
  clock_.Advance(absl::Hours(48));
  v1::UpdateAccountRequest tags = UpdateOf("acme", {"tags"});
  tags.mutable_account()->add_tags("vip");
  ASSERT_TRUE(Update(tags).ok());
  clock_.Advance(absl::Hours(48));
  v1::UpdateAccountRequest owner = UpdateOf("acme", {"owner"});
  owner.mutable_account()->set_owner("ann");
  SetTimestamp(created + absl::Hours(24), owner.mutable_effective_time());
  v1::Account account;
  ASSERT_TRUE(Update(owner, &account).ok());
  EXPECT_EQ(account.owner(), "ann");
  EXPECT_EQ(account.tags_size(), 1);
  EXPECT_EQ(FactsOf("acme", created + absl::Hours(24)).at("tags"), "set { }");
  EXPECT_EQ(Fact("acme", "owner"), "text: \"ann\"");
}

TEST_F(AccountsServiceTest, ADeletedAccountKeepsItsHistoryAndComesBack) {
  const v1::Account created = CreateAccount("acme");
  Write({Usage("acme", "1", "logins", 5)});
  ASSERT_TRUE(Delete("acme").ok());
  EXPECT_EQ(ToTime(GetAccount("acme").delete_time()), clock_.Now());
  EXPECT_EQ(Delete("acme").error_code(), grpc::StatusCode::NOT_FOUND);
  v1::GetFactsResponse facts;
  EXPECT_EQ(GetFacts("acme", {}, &facts).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Update(UpdateOf("acme", {})).error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Undelete("acme").ok());
  EXPECT_FALSE(GetAccount("acme").has_delete_time());
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 5");
  EXPECT_EQ(Undelete("acme").error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Undelete("nobody").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(GetAccount("acme").etag(), created.etag());
}

TEST_F(AccountsServiceTest, PhaseChangesAreKeptWithTimeAndCause) {
  CreateAccount("acme");
  v1::CreateSubscriptionRequest request = SubscriptionOf("acme", "s", "10");
  SetTimestamp(clock_.Now() - absl::Hours(24) * 100, request.mutable_subscription()->mutable_start_time());
  ASSERT_TRUE(Create(request).ok());
  v1::ListPhaseChangesRequest list;
  list.set_parent("accounts/acme");
  v1::ListPhaseChangesResponse phases;
  ASSERT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListPhaseChanges, list, &phases).ok());
  ASSERT_EQ(phases.phase_changes_size(), 2);
  EXPECT_EQ(phases.phase_changes(0).phase(), v1::LIFECYCLE_PHASE_ONBOARDING);
  EXPECT_EQ(phases.phase_changes(1).phase(), v1::LIFECYCLE_PHASE_ADOPTION);
  EXPECT_EQ(ToTime(phases.phase_changes(1).enter_time()), clock_.Now() - absl::Hours(24) * 10);
  EXPECT_EQ(phases.phase_changes(1).cause(), "onboarding took 90 days, the longest");
  EXPECT_EQ(GetAccount("acme").phase(), v1::LIFECYCLE_PHASE_ADOPTION);
  list.set_parent("accounts/nobody");
  EXPECT_EQ(Send(*accounts_, &v1::AccountService::Stub::ListPhaseChanges, list, &phases).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace perennial::accounts::testing
