// AccountService.ListAccounts over the wire.
#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;
using Ids = std::vector<std::string>;

class AccountsListTest : public ServerTest {
 protected:
  grpc::Status List(const v1::ListAccountsRequest& request) {
    response_.Clear();
    return Send(*accounts_, &v1::AccountService::Stub::ListAccounts, request, &response_);
  }
  // Ids of the page that `request` asks for.
  Ids Page(const v1::ListAccountsRequest& request) {
    const grpc::Status status = List(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    Ids ids;
    for (const auto& account : response_.accounts()) ids.push_back(account.name().substr(9));
    return ids;
  }
  v1::ListAccountsResponse response_;
};

TEST_F(AccountsListTest, PagesByIdUntilTheTokenIsEmptyWhileOthersAreAdded) {
  for (const char* id : {"a", "b", "c", "d", "e"}) CreateAccount(id);
  v1::ListAccountsRequest request;
  request.set_page_size(2);
  EXPECT_EQ(Page(request), (Ids{"a", "b"}));
  request.set_page_token(response_.next_page_token());
  CreateAccount("aa");
  CreateAccount("f");
  EXPECT_EQ(Page(request), (Ids{"c", "d"}));
  request.set_page_token(response_.next_page_token());
  request.set_page_size(1000);
  EXPECT_EQ(Page(request), (Ids{"e", "f"}));
  EXPECT_EQ(response_.next_page_token(), "");
}

TEST_F(AccountsListTest, AFullLastPageHasNoToken) {
  for (const char* id : {"a", "b"}) CreateAccount(id);
  v1::ListAccountsRequest request;
  request.set_page_size(2);
  EXPECT_EQ(Page(request), (Ids{"a", "b"}));
  EXPECT_EQ(response_.next_page_token(), "");
}

TEST_F(AccountsListTest, FiltersByPresentFactsAcrossPages) {
  for (int i = 0; i < 9; ++i) {
    const std::string id = absl::StrCat("a", i);
    CreateAccount(id);
    Write({Usage(id, "1", "logins", i)});
  }
  v1::ListAccountsRequest request;
  request.set_filter("usage.logins.sum_30d >= 3 AND tenure_days = 0");
  request.set_page_size(4);
  EXPECT_EQ(Page(request), (Ids{"a3", "a4", "a5", "a6"}));
  EXPECT_EQ(response_.filter_reading().facts_size(), 2);
  EXPECT_FALSE(response_.filter_reading().canonical().empty());
  request.set_page_token(response_.next_page_token());
  EXPECT_EQ(Page(request), (Ids{"a7", "a8"}));
  EXPECT_EQ(response_.next_page_token(), "");
}

TEST_F(AccountsListTest, OrdersByNameAndTime) {
  CreateAccount("b");
  clock_.Advance(absl::Seconds(1));
  CreateAccount("a");
  v1::ListAccountsRequest request;
  request.set_order_by("display_name desc");
  EXPECT_EQ(Page(request), (Ids{"b", "a"}));
  request.set_order_by("create_time");
  EXPECT_EQ(Page(request), (Ids{"b", "a"}));
  request.set_order_by("create_time desc");
  request.set_page_size(1);
  EXPECT_EQ(Page(request), (Ids{"a"}));
  request.set_page_token(response_.next_page_token());
  EXPECT_EQ(Page(request), (Ids{"b"}));
}

TEST_F(AccountsListTest, DeletedAccountsAreListedOnlyWhenAskedForAndNeverByAFilter) {
  CreateAccount("a");
  CreateAccount("b");
  ASSERT_TRUE(Delete("a").ok());
  v1::ListAccountsRequest request;
  EXPECT_EQ(Page(request), (Ids{"b"}));
  request.set_show_deleted(true);
  EXPECT_EQ(Page(request), (Ids{"a", "b"}));
  request.set_filter("tenure_days = 0");
  EXPECT_EQ(Page(request), (Ids{"b"}));
}

TEST_F(AccountsListTest, NamesEveryBadFieldAtOnce) {
  v1::ListAccountsRequest request;
  request.set_page_size(-1);
  request.set_page_token("made up");
  request.set_filter("no_such_fact > 1");
  request.set_order_by("size desc");
  EXPECT_EQ(BadFields(List(request)), (Fields{"filter", "order_by", "page_size", "page_token"}));
  request = {};
  request.set_order_by("name asc please");
  EXPECT_EQ(BadFields(List(request)), Fields{"order_by"});
  request = {};
  request.set_filter(std::string(4097, 'x'));
  EXPECT_EQ(BadFields(List(request)), Fields{"filter"});
}

TEST_F(AccountsListTest, ATokenThatWasTamperedWithOrBelongsToAnotherRequestIsRefused) {
  for (const char* id : {"a", "b", "c"}) CreateAccount(id);
  v1::ListAccountsRequest request;
  request.set_page_size(1);
  Page(request);
  const std::string token = response_.next_page_token();
  request.set_page_token(token + "A");
  EXPECT_EQ(BadFields(List(request)), Fields{"page_token"});
  request.set_page_token(token);
  request.set_filter("tenure_days = 0");
  EXPECT_EQ(BadFields(List(request)), Fields{"page_token"});
  request.clear_filter();
  request.set_order_by("name desc");
  EXPECT_EQ(BadFields(List(request)), Fields{"page_token"});
  request.clear_order_by();
  request.set_show_deleted(true);
  EXPECT_EQ(BadFields(List(request)), Fields{"page_token"});
  request.set_show_deleted(false);
  EXPECT_EQ(Page(request), (Ids{"b"}));
}

}  // namespace
}  // namespace perennial::accounts::testing
