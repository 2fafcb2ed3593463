// Rates, subscriptions in another currency, moves by hand and hierarchies through the command line and the real
// processes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

class Currencies : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_);
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  }
  void Put(const std::string& name, const std::string& text) { std::ofstream(folder_ + "/" + name) << text; }
  // What the command line writes; its exit code must be this.
  std::string Run(std::vector<std::string> arguments, int exit_code = 0) {
    const Finished finished = suite_.Cli(std::move(arguments));
    EXPECT_EQ(finished.exit_code, exit_code) << finished.out << finished.err << suite_.Logs();
    return finished.out + finished.err;
  }
  std::string Import(int exit_code) {
    return Run({"import", folder_, "--mapping", "canonical", "--rejects", suite_.folder() + "/rejects"}, exit_code);
  }
  // An account's MRR in the reporting currency, or -1.
  double Mrr(const std::string& account) {
    perennial::accounts::v1::GetFactsRequest request;
    request.set_name("accounts/" + account);
    perennial::accounts::v1::GetFactsResponse response;
    EXPECT_TRUE(Call(*stubs_.facts, &perennial::accounts::v1::FactService::Stub::GetFacts, request, &response).ok());
    for (const auto& fact : response.facts()) {
      if (fact.name() == "mrr") return fact.number();
    }
    return -1;
  }
  // The last movement of an account.
  std::string LastMovement(const std::string& account) {
    perennial::accounts::v1::ListRevenueMovementsRequest request;
    request.set_parent("accounts/" + account);
    perennial::accounts::v1::ListRevenueMovementsResponse response;
    EXPECT_TRUE(Call(*stubs_.subscriptions, &perennial::accounts::v1::SubscriptionService::Stub::ListRevenueMovements,
                     request, &response)
                    .ok());
    return response.movements().empty() ? "" : response.movements().rbegin()->mrr_after().amount();
  }

  Suite suite_{"2024-12-31T23:59:59Z"};
  const std::string folder_ = suite_.folder() + "/import";
  Stubs stubs_{suite_.Channel()};
};

TEST_F(Currencies, RatesComeFirstThenSubscriptionsAndCorrectionsOutliveACrash) {
  Put("accounts.csv", "account_id,display_name,customer_since,parent\na,A,2024-01-01,\nb,B,2024-01-01,a\n");
  Put("subscriptions.csv",
      "account_id,subscription_id,plan,mrr,currency_code,start_time\na,s,pro,100,USD,2024-01-01\n"
      "b,s,pro,50,EUR,2024-02-01\n");
  EXPECT_NE(Import(2).find("refused"), std::string::npos);
  EXPECT_EQ(Mrr("b"), -1);
  Put("rates.txt", "currency_code,rate,effective_time\nEUR,1.1,2024-01-01\nEUR,1.3,2024-06-01T00:00:00Z\n");
  EXPECT_NE(Run({"rates", "import", folder_ + "/rates.txt"}).find("2 rates set"), std::string::npos);
  Import(0);
  EXPECT_EQ(Mrr("b"), 55);

  const std::string set = Run({"rates", "set", "EUR", "1.2", "--since", "2024-01-15"});
  EXPECT_NE(set.find("1 account is computed anew"), std::string::npos) << set;
  suite_.Restart(Part::kAccounts);
  ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (LastMovement("b") != "60" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(LastMovement("b"), "60");

  EXPECT_EQ(Run({"rates", "list", "--csv"}),
            "currency_code,rate,effective_time\nEUR,1.1,2024-01-01T00:00:00+00:00\nEUR,1.2,2024-01-15T00:00:00+00:00\n"
            "EUR,1.3,2024-06-01T00:00:00+00:00\n");
  Run({"rates", "delete", "EUR", "--since", "2024-06-01"});
  const std::string listed = Run({"rates"});
  EXPECT_NE(listed.find("EUR"), std::string::npos) << listed;
  EXPECT_EQ(listed.find("1.3"), std::string::npos) << listed;
  Run({"rates", "set", "USD", "1"}, 1);
  EXPECT_NE(Run({"account", "a"}).find("1 account below it, MRR with them USD 160"), std::string::npos);
}

TEST_F(Currencies, PeopleMovePhasesAndSeeWhoDidIt) {
  Put("accounts.csv", "account_id,display_name,customer_since\na,A,2024-01-01\n");
  Put("subscriptions.csv",
      "account_id,subscription_id,plan,mrr,currency_code,start_time\na,s,pro,100,USD,2024-11-01\n");
  Import(0);
  const std::string moved =
      Run({"phase", "move", "a", "success", "--reason", "pilot is over", "--author", "ann", "--since", "2024-12-01"});
  EXPECT_NE(moved.find("pilot is over"), std::string::npos) << moved;
  EXPECT_NE(Run({"account", "a"}).find("by ann"), std::string::npos);
  const std::string shown = Run({"phase", "show", "a"});
  EXPECT_NE(shown.find("2024-12-01T00:00:00Z"), std::string::npos) << shown;
  EXPECT_NE(shown.find("30"), std::string::npos) << "days of onboarding: " << shown;
  EXPECT_EQ(Run({"phase", "show", "a", "--as-of", "2024-11-30"}).find("pilot"), std::string::npos);
  Run({"phase", "undo", "a", "--since", "2024-12-01"});
  EXPECT_EQ(Run({"phase", "show", "a"}).find("pilot"), std::string::npos);
  Run({"phase", "undo", "a", "--since", "2024-12-01"}, 1);
  Run({"phase", "move", "a", "nowhere", "--reason", "r", "--author", "a"}, 64);
}

}  // namespace
}  // namespace perennial::testing
