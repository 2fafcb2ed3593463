// The main job on data that somebody else made: imported, scored, reported, explained.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/money.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

using nlohmann::json;
namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;
namespace segments = perennial::segments::v1;

constexpr char kRavenDay[] = "2024-12-31T23:59:59Z";

// Imports a folder and returns the summary that --json prints.
json Import(const Suite& suite, const std::string& folder, const std::string& mapping) {
  const Finished finished = suite.Cli({"--timeout", "60s", "--json", "import", folder, "--mapping", mapping, "--rejects",
                                       absl::StrCat(suite.folder(), "/rejects.csv")});
  EXPECT_EQ(finished.exit_code, 0) << finished.err << suite.Logs();
  return json::parse(finished.out, nullptr, false);
}

// Rows of each outcome over all files of a summary.
std::int64_t Total(const json& summary, const char* outcome) { return summary.at("total").at(outcome).get<std::int64_t>(); }

segments::GetPortfolioReportResponse Report(const Stubs& stubs, std::int64_t revision) {
  segments::GetPortfolioReportRequest request;
  request.set_audience(segments::REPORT_AUDIENCE_SUCCESS);
  request.set_min_facts_revision(revision);
  segments::GetPortfolioReportResponse report;
  const grpc::Status status = Call(*stubs.portfolio, &segments::PortfolioService::Stub::GetPortfolioReport, request, &report);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return report;
}

std::vector<std::string> AccountNames(const Stubs& stubs) {
  std::vector<std::string> names;
  accounts::ListAccountsRequest request;
  request.set_page_size(1000);
  do {
    accounts::ListAccountsResponse page;
    const grpc::Status status = Call(*stubs.accounts, &accounts::AccountService::Stub::ListAccounts, request, &page);
    EXPECT_TRUE(status.ok()) << status.error_message();
    for (const auto& account : page.accounts()) names.push_back(account.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return names;
}

// All tests look at one import: it is the same for each.
class RavenStack : public ::testing::Test {
 protected:
  struct Imported {
    Suite suite{kRavenDay};
    json first;
  };

  static void SetUpTestSuite() {
    if (SharedData().empty()) return;
    imported_ = new Imported;
    ASSERT_TRUE(imported_->suite.WaitReady()) << imported_->suite.Logs();
    imported_->first = Import(imported_->suite, SharedData() + "/ravenstack", "ravenstack");
    ASSERT_FALSE(imported_->first.is_discarded());
  }
  static void TearDownTestSuite() {
    delete imported_;
    imported_ = nullptr;
  }
  void SetUp() override {
    if (imported_ == nullptr) GTEST_SKIP() << "the shared data is not on this machine";
    stubs_.emplace(imported_->suite.Channel());
  }
  [[nodiscard]] std::int64_t revision() const { return imported_->first.at("feed_revision").get<std::int64_t>(); }

  static Imported* imported_;
  std::optional<Stubs> stubs_;
};
RavenStack::Imported* RavenStack::imported_ = nullptr;

TEST_F(RavenStack, StoresOrRejectsEveryRowAndReportsTheMrrToTheDollar) {
  EXPECT_EQ(Total(imported_->first, "rows"), 500 + 5000 + 25000 + 2000 + 600) << imported_->first.dump(1);
  EXPECT_EQ(Total(imported_->first, "rows"), Total(imported_->first, "stored") + Total(imported_->first, "replaced") + Total(imported_->first, "duplicates") +
                                       Total(imported_->first, "refused_rows") + Total(imported_->first, "skipped"));
  EXPECT_EQ(Total(imported_->first, "refused_rows"), 0);
  EXPECT_EQ(AccountNames(*stubs_).size(), 500U);

  const segments::GetPortfolioReportResponse report = Report(*stubs_, revision());
  EXPECT_EQ(report.accounts(), 500);
  EXPECT_EQ(report.mrr().amount(), "10159608");
  EXPECT_EQ(report.mrr().currency_code(), "USD");
  const Finished shown = imported_->suite.Cli({"report"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_NE(shown.out.find("10,159,608"), std::string::npos) << shown.out;
}

// Each account's MRR at the end of a day, in millionths, from the published file alone: what its subscriptions ask for that
// have begun by then, have not ended, and are no trials.
std::map<std::string, std::int64_t> MrrByFile(const std::string& path, const std::string& day) {
  std::map<std::string, std::int64_t> mrr;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line.substr(0, 61), "subscription_id,account_id,start_date,end_date,plan_tier,seat") << path;
  while (std::getline(file, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (cells.at(8) == "True" || cells.at(2) > day || (!cells.at(3).empty() && cells.at(3) <= day)) continue;
    mrr["accounts/" + cells.at(1)] += std::stoll(cells.at(6)) * 1'000'000;
  }
  std::erase_if(mrr, [](const auto& account) { return account.second == 0; });
  return mrr;
}

std::vector<accounts::RevenueMovement> Ledger(const Stubs& stubs) {
  std::vector<accounts::RevenueMovement> movements;
  accounts::ListRevenueMovementsRequest request;
  request.set_parent("accounts/-");
  request.set_page_size(1000);
  do {
    accounts::ListRevenueMovementsResponse page;
    const grpc::Status status =
        Call(*stubs.subscriptions, &accounts::SubscriptionService::Stub::ListRevenueMovements, request, &page);
    EXPECT_TRUE(status.ok()) << status.error_message();
    movements.insert(movements.end(), page.movements().begin(), page.movements().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return movements;
}

TEST_F(RavenStack, MovementsAddUpToTheMrrOfEveryMonthsEnd) {
  const std::vector<accounts::RevenueMovement> ledger = Ledger(*stubs_);
  std::map<std::string, std::int64_t> sums;
  std::size_t next = 0;
  for (absl::CivilMonth month(2023, 1); month <= absl::CivilMonth(2024, 12); ++month) {
    const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
    const absl::Time end = absl::FromCivil(last + 1, absl::UTCTimeZone());
    for (; next < ledger.size(); ++next) {
      const accounts::RevenueMovement& movement = ledger[next];
      if (absl::FromUnixSeconds(movement.effective_time().seconds()) >= end) break;
      std::int64_t& sum = sums[movement.account()];
      sum += ParseAmount(movement.amount().amount()).value_or(0);
      ASSERT_EQ(sum, ParseAmount(movement.mrr_after().amount()).value_or(-1)) << movement.ShortDebugString();
    }
    std::map<std::string, std::int64_t> paying = sums;
    std::erase_if(paying, [](const auto& account) { return account.second == 0; });
    const auto expected =
        MrrByFile(SharedData() + "/ravenstack/ravenstack_subscriptions.csv", absl::FormatCivilTime(last));
    ASSERT_EQ(paying, expected) << last;
    std::int64_t total = 0;
    for (const auto& [account, mrr] : paying) total += mrr;
    if (last == absl::CivilDay(2024, 12, 31)) {
      EXPECT_EQ(FormatAmount(total), "10159608");
    }
  }
  EXPECT_EQ(next, ledger.size());
  EXPECT_GT(ledger.size(), 1000U);
}

TEST_F(RavenStack, CountsTheContradictionsBetweenItsTables) {
  std::map<std::string, std::int64_t> warnings;
  for (const json& file : imported_->first.at("files")) {
    for (const json& warning : file.at("warnings")) {
      warnings[warning.at("message").get<std::string>()] = warning.at("count").get<std::int64_t>();
    }
  }
  // Counted independently of the importer, with a script over the files.
  EXPECT_EQ(warnings["marked as churned, but without a churn event"], 35);
  EXPECT_EQ(warnings["not marked as churned, but with a churn event"], 277);
  EXPECT_EQ(warnings["use before the subscription starts"], 19142);
  EXPECT_EQ(warnings["use after the subscription ended"], 290);
  EXPECT_EQ(warnings["ends on the day it starts"], 13);
}

TEST_F(RavenStack, ImportingAgainChangesNothing) {
  const std::string before = Report(*stubs_, revision()).SerializeAsString();
  const json second = Import(imported_->suite, SharedData() + "/ravenstack", "ravenstack");
  EXPECT_EQ(Total(second, "stored"), 0);
  EXPECT_EQ(Total(second, "replaced"), 0);
  EXPECT_EQ(Total(second, "duplicates"), Total(second, "rows"));
  EXPECT_EQ(second.at("feed_revision"), imported_->first.at("feed_revision"));
  EXPECT_EQ(Report(*stubs_, revision()).SerializeAsString(), before);
}

TEST_F(RavenStack, EveryExplanationAddsUpToItsScore) {
  Report(*stubs_, revision());
  int scored = 0;
  for (const std::string& name : AccountNames(*stubs_)) {
    health::ExplainHealthScoreRequest request;
    request.set_name(name);
    request.set_min_facts_revision(revision());
    health::ExplainHealthScoreResponse response;
    const grpc::Status status =
        Call(*stubs_->scores, &health::HealthScoreService::Stub::ExplainHealthScore, request, &response);
    ASSERT_TRUE(status.ok()) << name << ": " << status.error_message();
    const health::HealthScoreExplanation& explanation = response.explanation();
    if (!explanation.has_computed_score()) continue;
    ++scored;
    double sum = 0;
    double weights = 0;
    for (const auto& measure : explanation.measures()) {
      sum += measure.contribution();
      weights += measure.effective_weight();
    }
    EXPECT_NEAR(sum, explanation.computed_score(), 1e-9) << name;
    EXPECT_NEAR(weights, 1, 1e-9) << name;
    double shown = explanation.computed_score();
    for (const auto& effect : explanation.exceptions()) {
      EXPECT_NEAR(effect.score_before(), shown, 1e-9) << name;
      shown = effect.score_after();
    }
    EXPECT_NEAR(shown, explanation.score().score(), 1e-9) << name;
  }
  EXPECT_GT(scored, 400);
}

TEST_F(RavenStack, AnswersTheWholePictureOfACustomer) {
  Report(*stubs_, revision());
  perennial::gateway::v1::GetCustomer360Request request;
  request.set_name("accounts/A-2e4581");
  perennial::gateway::v1::GetCustomer360Response response;
  // On a busy machine a part may not come in its time.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    const grpc::Status status =
        Call(*stubs_->customers, &perennial::gateway::v1::CustomerService::Stub::GetCustomer360, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  } while (response.missing_parts_size() > 0 && std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(response.account().display_name(), "Company_0");
  EXPECT_GT(response.subscriptions_size(), 0);
  EXPECT_GT(response.facts_size(), 40);
  EXPECT_TRUE(response.has_health());
  EXPECT_EQ(response.missing_parts_size(), 0) << response.ShortDebugString();
  const Finished shown = imported_->suite.Cli({"account", "Company_0"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_NE(shown.out.find("Company_0"), std::string::npos);
}

TEST(OtherData, TelcoLoadsThroughItsMapping) {
  if (SharedData().empty()) GTEST_SKIP() << "the shared data is not on this machine";
  Suite suite("2024-01-01T00:00:00Z");
  ASSERT_TRUE(suite.WaitReady()) << suite.Logs();
  const json summary = Import(suite, SharedData() + "/telco", "telco");
  EXPECT_EQ(Total(summary, "refused_rows"), 0) << summary.dump(1);
  const auto report = Report(Stubs(suite.Channel()), summary.at("feed_revision").get<std::int64_t>());
  EXPECT_EQ(report.accounts(), 7043);
  // Published in the design: total MRR 456,116.60 of which 139,130.85 churned.
  EXPECT_EQ(report.mrr().amount(), "316985.75");
}

TEST(OtherData, CdnowLoadsThroughItsMapping) {
  if (SharedData().empty()) GTEST_SKIP() << "the shared data is not on this machine";
  Suite suite("1998-06-30T23:59:59Z");
  ASSERT_TRUE(suite.WaitReady()) << suite.Logs();
  const json summary = Import(suite, SharedData() + "/cdnow", "cdnow");
  EXPECT_EQ(Total(summary, "refused_rows"), 0) << summary.dump(1);
  const auto report = Report(Stubs(suite.Channel()), summary.at("feed_revision").get<std::int64_t>());
  EXPECT_EQ(report.accounts(), 2357);
  EXPECT_EQ(report.paying_accounts(), 0);  // purchases are no subscriptions
}

}  // namespace
}  // namespace perennial::testing
