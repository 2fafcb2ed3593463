// Back-tests with the real processes, on a portfolio made by `perennial generate`: its churn depends on a hidden state
// that use, support and surveys reflect only with noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;

constexpr char kEnd[] = "2024-12-31T23:59:59Z";
constexpr char kDayAfter[] = "2025-01-01";

void AddDate(const char* text, health::BacktestScorecardRequest* request) {
  absl::Time time;
  std::string error;
  ASSERT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  request->add_as_of()->set_seconds(absl::ToUnixSeconds(time));
}

// All tests look at one portfolio of 1,000 accounts and two years.
class BacktestSuite : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    suite_ = new Suite(kEnd);
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
    const std::string folder = suite_->folder() + "/generated";
    const Finished generated =
        suite_->Cli({"generate", "--accounts", "1000", "--seed", "11", "--end", kDayAfter, folder});
    ASSERT_EQ(generated.exit_code, 0) << generated.err;
    const Finished imported = suite_->Cli({"--timeout", "60s", "--json", "import", folder});
    ASSERT_EQ(imported.exit_code, 0) << imported.err << suite_->Logs();
    const auto summary = nlohmann::json::parse(imported.out, nullptr, false);
    ASSERT_FALSE(summary.is_discarded());
    // The catalogue of facts is known once they are scored.
    health::ListHealthScoresRequest request;
    request.set_page_size(1);
    request.set_min_facts_revision(summary.at("feed_revision").get<std::int64_t>());
    health::ListHealthScoresResponse response;
    const Stubs stubs(suite_->Channel());
    const grpc::Status status =
        Call(*stubs.scores, &health::HealthScoreService::Stub::ListHealthScores, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  static void TearDownTestSuite() {
    delete suite_;
    suite_ = nullptr;
  }

  static health::BacktestScorecardRequest Quarters() {
    health::BacktestScorecardRequest request;
    request.set_name("scorecards/general");
    request.set_horizon_days(90);
    for (const char* date : {"2023-09-30T23:59:59Z", "2023-12-31T23:59:59Z", "2024-03-31T23:59:59Z",
                             "2024-06-30T23:59:59Z", "2024-09-30T23:59:59Z"}) {
      AddDate(date, &request);
    }
    return request;
  }
  // Through the gateway, with more time than its usual calls have.
  static grpc::Status Backtest(const health::BacktestScorecardRequest& request,
                               health::BacktestScorecardResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
    return health::ScorecardService::NewStub(suite_->Channel())->BacktestScorecard(&context, request, response);
  }
  static Suite* suite_;
};
Suite* BacktestSuite::suite_ = nullptr;

TEST_F(BacktestSuite, TellsWhoChurnsBetterThanGuessingAndWorseThanKnowing) {
  health::BacktestScorecardResponse out;
  const grpc::Status status = Backtest(Quarters(), &out);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GT(out.accounts(), 2000);
  EXPECT_GT(out.churned(), 50);
  EXPECT_GT(out.auc().value(), 0.65) << out.ShortDebugString();
  EXPECT_LT(out.auc().value(), 0.90) << "nobody can know that well: something leaks";
  EXPECT_LT(out.auc().low(), out.auc().value());
  EXPECT_LT(out.auc().value(), out.auc().high());
  // The combination is worth at least as much as the middle one of its measures.
  std::vector<double> alone;
  for (const auto& measure : out.measures()) {
    if (measure.has_auc()) alone.push_back(measure.auc().value());
  }
  ASSERT_GT(alone.size(), 3U);
  std::sort(alone.begin(), alone.end());
  EXPECT_GE(out.auc().value(), alone[alone.size() / 2]);
  // Lower bands churn more.
  ASSERT_EQ(out.calibration_size(), 3);
  EXPECT_GT(out.calibration(0).churn_rate().value(), out.calibration(2).churn_rate().value());
  std::int64_t accounts_in_bands = 0;
  for (const auto& band : out.calibration()) accounts_in_bands += band.accounts();
  EXPECT_EQ(accounts_in_bands, out.accounts());
}

TEST_F(BacktestSuite, WhatIsDatedAfterTheDatesChangesNothing) {
  health::BacktestScorecardResponse before;
  ASSERT_TRUE(Backtest(Quarters(), &before).ok());
  accounts::ListAccountsRequest list;
  list.set_page_size(1000);
  accounts::ListAccountsResponse listed;
  const Stubs stubs(suite_->Channel());
  ASSERT_TRUE(Call(*stubs.accounts, &accounts::AccountService::Stub::ListAccounts, list, &listed).ok());
  accounts::WriteRecordsRequest write;
  for (int i = 0; i < listed.accounts_size() && i < 200; ++i) {
    accounts::Record* record = write.add_records();
    record->set_record_id(absl::StrCat("late-", i));
    record->set_account(listed.accounts(i).name());
    record->mutable_usage()->set_metric("logins");
    record->mutable_usage()->set_value(100000);
    // A second after the last date.
    record->mutable_event_time()->set_seconds(
        absl::ToUnixSeconds(absl::FromCivil(absl::CivilSecond(2024, 10, 1), absl::UTCTimeZone())));
  }
  accounts::WriteRecordsResponse written;
  ASSERT_TRUE(Call(*stubs.ingest, &accounts::IngestService::Stub::WriteRecords, write, &written).ok());
  health::BacktestScorecardResponse after;
  ASSERT_TRUE(Backtest(Quarters(), &after).ok());
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
}

TEST_F(BacktestSuite, SaysWhenThereIsTooLittleHistory) {
  health::BacktestScorecardRequest request;
  request.set_name("scorecards/general");
  request.set_horizon_days(1);
  AddDate("2024-06-30T23:59:59Z", &request);
  health::BacktestScorecardResponse out;
  EXPECT_EQ(Backtest(request, &out).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(BacktestSuite, IsShownOnATerminal) {
  const Finished shown = suite_->Cli({"backtest", "--as-of", "2024-03-31,2024-06-30,2024-09-30", "--horizon", "90"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  for (const char* part : {"AUC", "Tenths by score", "What a band has meant", "Each measure alone"}) {
    EXPECT_NE(shown.out.find(part), std::string::npos) << part << "\n" << shown.out;
  }
}

}  // namespace
}  // namespace perennial::testing
