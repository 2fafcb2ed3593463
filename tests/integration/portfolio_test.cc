// Revenue retention of data that somebody else made, against SQL over its own files.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "common/base/money.h"
#include "common/base/time_util.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace segments = perennial::segments::v1;
using segments::PortfolioService;

// Subscriptions of the published file in a database of its own, amounts in cents.
class Published {
 public:
  explicit Published(const std::string& path) {
    sqlite3* opened = nullptr;
    EXPECT_EQ(sqlite3_open(":memory:", &opened), SQLITE_OK);
    database_.reset(opened);
    Rows("CREATE TABLE subscription (account TEXT, start TEXT, finish TEXT, cents INTEGER, trial INTEGER)", {});
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    EXPECT_EQ(line.substr(0, 61), "subscription_id,account_id,start_date,end_date,plan_tier,seat") << path;
    Rows("BEGIN", {});
    while (std::getline(file, line)) {
      const std::vector<std::string> cells = absl::StrSplit(line, ',');
      Rows("INSERT INTO subscription VALUES (?1, ?2, ?3, 100 * ?4, ?5 = 'True')",
           {cells.at(1), cells.at(2), cells.at(3), cells.at(6), cells.at(8)});
    }
    Rows("COMMIT", {});
  }

  // Rows of whole numbers; what is null is 0.
  std::vector<std::vector<std::int64_t>> Rows(const std::string& sql, const std::vector<std::string>& values) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database_.get());
    for (std::size_t i = 0; i < values.size(); ++i) {
      sqlite3_bind_text(statement, static_cast<int>(i) + 1, values[i].c_str(), -1, SQLITE_TRANSIENT);
    }
    std::vector<std::vector<std::int64_t>> rows;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(statement); ++i)
        rows.back().push_back(sqlite3_column_int64(statement, i));
    }
    EXPECT_EQ(sqlite3_finalize(statement), SQLITE_OK) << sqlite3_errmsg(database_.get());
    return rows;
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

// The movements of each account: what its paid subscriptions change on a day, and what it pays after it.
constexpr char kMovements[] = R"(
  WITH change AS (
    SELECT account, start AS day, cents FROM subscription WHERE NOT trial
    UNION ALL
    SELECT account, finish, -cents FROM subscription WHERE NOT trial AND finish <> ''),
  net AS (SELECT account, day, SUM(cents) AS cents FROM change GROUP BY account, day HAVING SUM(cents) <> 0),
  movement AS (SELECT account, day, cents, SUM(cents) OVER (PARTITION BY account ORDER BY day) AS after FROM net))";

// Figures of the days ?1 <= day < ?2 by docs/metrics.md.
constexpr char kRetention[] = R"(,
  account AS (
    SELECT account,
           SUM(CASE WHEN day < ?1 THEN cents ELSE 0 END) AS before,
           SUM(CASE WHEN day < ?2 THEN cents ELSE 0 END) AS finally,
           SUM(CASE WHEN day >= ?1 AND day < ?2 AND cents > 0 AND after > cents THEN cents ELSE 0 END) AS expansion,
           SUM(CASE WHEN day >= ?1 AND day < ?2 AND cents < 0 AND after > 0 THEN -cents ELSE 0 END) AS contraction,
           SUM(CASE WHEN day >= ?1 AND day < ?2 AND cents < 0 AND after = 0 THEN -cents ELSE 0 END) AS churned,
           SUM(CASE WHEN day >= ?1 AND day < ?2 AND after = cents THEN cents ELSE 0 END) AS returned
    FROM movement GROUP BY account)
  SELECT SUM(before), SUM((before = 0) * finally), SUM((before > 0) * expansion), SUM((before > 0) * contraction),
         SUM((before > 0) * churned), SUM((before > 0) * returned), SUM(finally),
         SUM((before > 0) * MAX(0, before - contraction - churned)),
         SUM(before > 0), SUM(before = 0 AND finally > 0), SUM(before > 0 AND finally = 0), SUM(finally > 0)
  FROM account)";

// Accounts that first paid on the days ?1 <= day < ?2, and what they pay and how many of them pay at the end of ?3.
constexpr char kCohort[] = R"(,
  member AS (SELECT account FROM movement GROUP BY account HAVING MIN(day) >= ?1 AND MIN(day) < ?2),
  finally AS (SELECT SUM(cents) AS cents FROM movement WHERE account IN (SELECT account FROM member) AND day < ?3
              GROUP BY account)
  SELECT (SELECT COUNT(*) FROM member), SUM(cents), SUM(cents > 0) FROM finally)";

std::string Cents(std::int64_t cents) { return FormatAmount(cents * (kMicrosPerUnit / 100)); }

std::string Day(const google::protobuf::Timestamp& time) {
  return absl::FormatCivilTime(absl::ToCivilDay(ToTime(time), absl::UTCTimeZone()));
}

void ExpectWindow(const segments::RetentionWindow& window, const std::vector<std::int64_t>& sql) {
  EXPECT_EQ(window.start_mrr().amount(), Cents(sql[0]));
  EXPECT_EQ(window.new_mrr().amount(), Cents(sql[1]));
  EXPECT_EQ(window.expansion_mrr().amount(), Cents(sql[2]));
  EXPECT_EQ(window.contraction_mrr().amount(), Cents(sql[3]));
  EXPECT_EQ(window.churned_mrr().amount(), Cents(sql[4]));
  EXPECT_EQ(window.reactivated_mrr().amount(), Cents(sql[5]));
  EXPECT_EQ(window.end_mrr().amount(), Cents(sql[6]));
  EXPECT_EQ(window.start_accounts(), sql[8]);
  EXPECT_EQ(window.won_accounts(), sql[9]);
  EXPECT_EQ(window.lost_accounts(), sql[10]);
  EXPECT_EQ(window.end_accounts(), sql[11]);
  EXPECT_EQ(window.has_nrr(), sql[0] > 0);
  if (sql[0] == 0) return;
  const auto start = static_cast<double>(sql[0]);
  EXPECT_NEAR(window.nrr(), static_cast<double>(sql[0] + sql[2] - sql[3] - sql[4] + sql[5]) / start, 1e-12);
  EXPECT_NEAR(window.grr(), static_cast<double>(sql[7]) / start, 1e-12);
  EXPECT_NEAR(window.logo_churn_rate(), static_cast<double>(sql[10]) / static_cast<double>(sql[8]), 1e-12);
  EXPECT_NEAR(window.expansion_rate(), static_cast<double>(sql[2]) / start, 1e-12);
  const Micros average = ParseAmount(window.average_mrr().amount()).value_or(-1);
  EXPECT_NEAR(static_cast<double>(average), static_cast<double>(sql[6]) * 10'000 / static_cast<double>(sql[11]),
              0.5001);
}

class PortfolioOnRavenStack : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (SharedData().empty()) return;
    suite_ = new Suite("2024-12-31T23:59:59Z");
    ASSERT_TRUE(suite_->WaitReady()) << suite_->Logs();
    const Finished finished =
        suite_->Cli({"--timeout", "60s", "--json", "import", SharedData() + "/ravenstack", "--mapping", "ravenstack",
                     "--rejects", absl::StrCat(suite_->folder(), "/rejects.csv")});
    ASSERT_EQ(finished.exit_code, 0) << finished.err << suite_->Logs();
    revision_ = nlohmann::json::parse(finished.out).at("feed_revision").get<std::int64_t>();
  }
  static void TearDownTestSuite() {
    delete suite_;
    suite_ = nullptr;
  }
  void SetUp() override {
    if (suite_ == nullptr) GTEST_SKIP() << "the shared data is not on this machine";
    stubs_.emplace(suite_->Channel());
    published_.emplace(SharedData() + "/ravenstack/ravenstack_subscriptions.csv");
    ASSERT_TRUE(WaitForLedger()) << suite_->Logs();
  }

  segments::GetRevenueRetentionResponse Retention(segments::RetentionPeriod period, const std::string& start) {
    segments::GetRevenueRetentionRequest request;
    request.set_period(period);
    absl::Time time;
    std::string error;
    EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, start, &time, &error)) << error;
    SetTimestamp(time, request.mutable_start_time());
    request.set_cohorts(true);
    request.set_min_ledger_revision(LedgerRevision());
    segments::GetRevenueRetentionResponse response;
    const grpc::Status status =
        Call(*stubs_->portfolio, &PortfolioService::Stub::GetRevenueRetention, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // The newest revision of the feed of ledgers.
  std::int64_t LedgerRevision() {
    perennial::accounts::v1::ListRevenueMovementsRequest request;
    request.set_parent("accounts/-");
    request.set_page_size(1);
    perennial::accounts::v1::ListRevenueMovementsResponse response;
    const grpc::Status status = Call(
        *stubs_->subscriptions, &perennial::accounts::v1::SubscriptionService::Stub::ListRevenueMovements, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.ledger_revision();
  }
  // Facts are in at a revision; the ledger comes by a feed of its own: until it ends with the MRR of the report.
  bool WaitForLedger() {
    segments::GetPortfolioReportRequest request;
    request.set_min_facts_revision(revision_);
    segments::GetPortfolioReportResponse report;
    if (!Call(*stubs_->portfolio, &PortfolioService::Stub::GetPortfolioReport, request, &report).ok()) return false;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      const auto year = Retention(segments::RETENTION_PERIOD_YEAR, "2024-01-01T00:00:00Z");
      if (year.windows_size() == 1 && year.windows(0).end_mrr().amount() == report.mrr().amount()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }

  static Suite* suite_;
  static std::int64_t revision_;
  std::optional<Stubs> stubs_;
  std::optional<Published> published_;
};
Suite* PortfolioOnRavenStack::suite_ = nullptr;
std::int64_t PortfolioOnRavenStack::revision_ = 0;

TEST_F(PortfolioOnRavenStack, FiguresOfEveryQuartersEndEqualSqlOverTheFiles) {
  for (const auto period :
       {segments::RETENTION_PERIOD_QUARTER, segments::RETENTION_PERIOD_MONTH, segments::RETENTION_PERIOD_YEAR}) {
    const auto response = Retention(period, "2023-01-01T00:00:00Z");
    EXPECT_EQ(response.accounts(), 500);
    EXPECT_EQ(response.windows_size(), period == segments::RETENTION_PERIOD_QUARTER ? 8
                                       : period == segments::RETENTION_PERIOD_MONTH ? 24
                                                                                    : 2);
    for (const segments::RetentionWindow& window : response.windows()) {
      SCOPED_TRACE(Day(window.start_time()));
      const auto sql =
          published_->Rows(absl::StrCat(kMovements, kRetention), {Day(window.start_time()), Day(window.end_time())});
      ASSERT_EQ(sql.size(), 1U);
      ExpectWindow(window, sql[0]);
    }
    EXPECT_EQ(response.windows(response.windows_size() - 1).end_mrr().amount(), "10159608");
  }
}

TEST_F(PortfolioOnRavenStack, CohortsEqualSqlOverTheFiles) {
  const auto response = Retention(segments::RETENTION_PERIOD_QUARTER, "2023-01-01T00:00:00Z");
  ASSERT_EQ(response.cohorts_size(), 8);
  std::int64_t members = 0;
  for (int i = 0; i < 8; ++i) {
    const segments::RevenueCohort& cohort = response.cohorts(i);
    SCOPED_TRACE(Day(cohort.start_time()));
    members += cohort.accounts();
    ASSERT_EQ(cohort.logo_retention_size(), 8 - i);
    ASSERT_EQ(cohort.revenue_retention_size(), 8 - i);
    for (int j = i; j < 8; ++j) {
      const auto sql = published_->Rows(
          absl::StrCat(kMovements, kCohort),
          {Day(cohort.start_time()), Day(response.windows(i).end_time()), Day(response.windows(j).end_time())});
      ASSERT_EQ(sql.size(), 1U);
      EXPECT_EQ(cohort.accounts(), sql[0][0]);
      if (j == i) {
        EXPECT_EQ(cohort.mrr().amount(), Cents(sql[0][1]));
      }
      const double base = static_cast<double>(ParseAmount(cohort.mrr().amount()).value_or(0)) / 10'000;
      EXPECT_NEAR(cohort.revenue_retention(j - i), static_cast<double>(sql[0][1]) / base, 1e-12);
      EXPECT_NEAR(cohort.logo_retention(j - i), static_cast<double>(sql[0][2]) / static_cast<double>(sql[0][0]), 1e-12);
    }
  }
  EXPECT_GT(members, 400);
}

TEST_F(PortfolioOnRavenStack, AccountsBehindAFigureAddUpToIt) {
  const auto year = Retention(segments::RETENTION_PERIOD_YEAR, "2024-01-01T00:00:00Z").windows(0);
  const std::vector<std::pair<segments::RetentionFigure, std::string>> figures = {
      {segments::RETENTION_FIGURE_START, year.start_mrr().amount()},
      {segments::RETENTION_FIGURE_EXPANSION, year.expansion_mrr().amount()},
      {segments::RETENTION_FIGURE_CONTRACTION, year.contraction_mrr().amount()},
      {segments::RETENTION_FIGURE_CHURNED, year.churned_mrr().amount()},
      {segments::RETENTION_FIGURE_REACTIVATED, year.reactivated_mrr().amount()},
      {segments::RETENTION_FIGURE_WON, year.new_mrr().amount()}};
  for (const auto& [figure, expected] : figures) {
    segments::ListRevenueRetentionAccountsRequest request;
    request.set_period(segments::RETENTION_PERIOD_YEAR);
    *request.mutable_start_time() = year.start_time();
    request.set_figure(figure);
    request.set_page_size(37);
    Micros sum = 0;
    std::int64_t accounts = 0;
    segments::ListRevenueRetentionAccountsResponse page;
    do {
      page.Clear();
      const grpc::Status status =
          Call(*stubs_->portfolio, &PortfolioService::Stub::ListRevenueRetentionAccounts, request, &page);
      ASSERT_TRUE(status.ok()) << status.error_message();
      for (const auto& account : page.accounts()) sum += ParseAmount(account.amount().amount()).value_or(0);
      accounts += page.accounts_size();
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(FormatAmount(sum), expected) << segments::RetentionFigure_Name(figure);
    EXPECT_EQ(page.total_amount().amount(), expected);
    EXPECT_EQ(page.total_size(), accounts);
  }
}

TEST_F(PortfolioOnRavenStack, ReportsToEveryAudienceInATerminal) {
  for (const char* audience : {"success", "product", "sales", "support", "finance"}) {
    const Finished shown =
        suite_->Cli({"report", "--audience", audience, "--definitions", "--success-cost", "1000000"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    EXPECT_NE(shown.out.find("10,159,608"), std::string::npos) << shown.out;
    EXPECT_NE(shown.out.find("How it is computed"), std::string::npos) << shown.out;
  }
  const Finished retention = suite_->Cli({"retention", "--cohorts"});
  EXPECT_EQ(retention.exit_code, 0) << retention.err;
  EXPECT_NE(retention.out.find("2024 Q4*"), std::string::npos) << retention.out;
  EXPECT_NE(retention.out.find("10,159,608"), std::string::npos) << retention.out;
  const Finished behind = suite_->Cli({"retention", "--period", "year", "--behind", "lost"});
  EXPECT_EQ(behind.exit_code, 0) << behind.err;
  const Finished equity = suite_->Cli({"equity", "--market", "1000000000"});
  EXPECT_EQ(equity.exit_code, 0) << equity.err;
}

TEST_F(PortfolioOnRavenStack, ReadsTheLedgerAnewAfterACrash) {
  const std::string before = Retention(segments::RETENTION_PERIOD_QUARTER, "2023-01-01T00:00:00Z").SerializeAsString();
  suite_->Restart(Part::kSegments);
  ASSERT_TRUE(WaitForLedger());
  EXPECT_EQ(Retention(segments::RETENTION_PERIOD_QUARTER, "2023-01-01T00:00:00Z").SerializeAsString(), before);
  suite_->Restart(Part::kAccounts);
  ASSERT_TRUE(WaitForLedger());
  EXPECT_EQ(Retention(segments::RETENTION_PERIOD_QUARTER, "2023-01-01T00:00:00Z").SerializeAsString(), before);
}

}  // namespace
}  // namespace perennial::testing
