// FactService over the wire, but for the feed.
#include "absl/strings/str_cat.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Fields = std::vector<std::string>;

class FactServiceTest : public ServerTest {};

TEST_F(FactServiceTest, AnswersFactsByNameWithMomentAndRevision) {
  CreateAccount("acme");
  v1::GetFactsResponse response;
  ASSERT_TRUE(GetFacts("acme", {}, &response).ok());
  EXPECT_EQ(response.name(), "accounts/acme");
  EXPECT_EQ(ToTime(response.as_of()), clock_.Now());
  EXPECT_EQ(response.revision(), 1);
  for (int i = 1; i < response.facts_size(); ++i) EXPECT_LT(response.facts(i - 1).name(), response.facts(i).name());
}

TEST_F(FactServiceTest, AnEventLaterOnTheSameDayDoesNotCount) {
  CreateAccount("acme");
  const absl::Time noon = clock_.Now();
  Write({Usage("acme", "1", "logins", 1)});
  clock_.Advance(absl::Hours(3));
  Write({Usage("acme", "2", "logins", 2), Usage("acme", "3", "exports", 1)});
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d", noon), "number: 1");
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d", noon + absl::Hours(2)), "number: 1");
  EXPECT_EQ(Fact("acme", "usage.logins.sum_30d"), "number: 3");
  EXPECT_EQ(Fact("acme", "usage.breadth_30d", noon), "number: 1") << "the second metric was not known then";
  EXPECT_EQ(Fact("acme", "usage.exports.sum_30d", noon), "unknown");
  EXPECT_EQ(Fact("acme", "usage.breadth_30d"), "number: 1");
}

TEST_F(FactServiceTest, AnAccountHasNoFactsBeforeItBegan) {
  CreateAccount("acme");
  v1::GetFactsResponse response;
  EXPECT_EQ(GetFacts("acme", clock_.Now() - absl::Microseconds(1), &response).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(GetFacts("acme", clock_.Now(), &response).ok());
  EXPECT_EQ(GetFacts("nobody", {}, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(FactServiceTest, NamesEveryBadField) {
  v1::GetFactsResponse response;
  EXPECT_EQ(BadFields(GetFacts("a/b", clock_.Now() + absl::Microseconds(1), &response)), (Fields{"as_of", "name"}));
}

TEST_F(FactServiceTest, FactsFollowMidnightWithoutAnEvent) {
  CreateAccount("acme");
  const std::int64_t revision = Write({Usage("acme", "1", "logins")}).revision();
  clock_.Set(At("2024-07-14T00:00:00Z"));
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").revision() > revision; }));
  v1::ListAccountsRequest list;
  list.set_filter("usage.days_since_last = 14 AND tenure_days = 14");
  v1::ListAccountsResponse response;
  EXPECT_TRUE(Eventually([&] {
    EXPECT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &response).ok());
    return response.accounts_size() == 1;
  }));
}

TEST_F(FactServiceTest, AStartOnAnotherDaySweeps) {
  CreateAccount("acme");
  const std::int64_t revision = GetAccount("acme").revision();
  server_->Stop();
  server_ = nullptr;
  clock_.Advance(absl::Hours(72));
  StartServer();
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").revision() > revision; }));
}

TEST_F(FactServiceTest, AMetricThatIsNewReachesTheFactsOfAllAccountsWithUse) {
  CreateAccount("acme");
  CreateAccount("other");
  const std::int64_t revision = Write({Usage("acme", "1", "logins")}).revision();
  Write({Usage("other", "1", "exports")});
  EXPECT_TRUE(Eventually([&] { return GetAccount("acme").revision() > revision; }));
  v1::ListAccountsRequest list;
  list.set_filter("usage.breadth_30d = 0.5");
  v1::ListAccountsResponse response;
  ASSERT_TRUE(Send(*accounts_, &v1::AccountService::Stub::ListAccounts, list, &response).ok());
  EXPECT_EQ(response.accounts_size(), 2);
}

TEST_F(FactServiceTest, TheCatalogueIsPagedByName) {
  CreateAccount("acme");
  Write({Usage("acme", "1", "logins")});
  v1::ListFactDefinitionsRequest request;
  request.set_page_size(7);
  Fields names;
  v1::ListFactDefinitionsResponse response;
  do {
    ASSERT_TRUE(Send(*facts_, &v1::FactService::Stub::ListFactDefinitions, request, &response).ok());
    for (const auto& definition : response.definitions()) {
      names.push_back(definition.name());
      EXPECT_NE(definition.type(), v1::FACT_TYPE_UNSPECIFIED);
      EXPECT_FALSE(definition.meaning().empty());
    }
    request.set_page_token(response.next_page_token());
  } while (!response.next_page_token().empty());
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  EXPECT_TRUE(std::count(names.begin(), names.end(), "usage.logins.change_30d") == 1);
  request.set_page_size(-1);
  request.set_page_token("x");
  EXPECT_EQ(BadFields(Send(*facts_, &v1::FactService::Stub::ListFactDefinitions, request, &response)),
            (Fields{"page_size", "page_token"}));
}

TEST_F(FactServiceTest, ValidatesFilters) {
  v1::ValidateFilterRequest request;
  v1::ValidateFilterResponse response;
  const auto validate = [&] { return Send(*facts_, &v1::FactService::Stub::ValidateFilter, request, &response); };
  EXPECT_EQ(BadFields(validate()), Fields{"filter"});
  request.set_filter("mrr > 5 AND silent = true OR phase = \"TRIAL\"");
  ASSERT_TRUE(validate().ok());
  EXPECT_TRUE(response.valid());
  EXPECT_EQ(response.reading().facts_size(), 3);
  EXPECT_EQ(response.reading().warnings_size(), 1);
  request.set_filter("mmr > 5");
  ASSERT_TRUE(validate().ok());
  EXPECT_FALSE(response.valid());
  EXPECT_NE(response.error().find("did you mean 'mrr'?"), std::string::npos) << response.error();
}

TEST_F(FactServiceTest, DataInOneCurrencyIsNotOpenedInAnother) {
  server_ = nullptr;
  const auto other = AccountsServer::Start(
      {.data = folder_.path(), .database = DatabaseFor(folder_.path()), .currency = "EUR"}, clock_);
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other.status().message().find("USD"), absl::string_view::npos);
}

}  // namespace
}  // namespace perennial::accounts::testing
