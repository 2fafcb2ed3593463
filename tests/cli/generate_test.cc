#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "cli/app.h"
#include "cli/generate_command.h"
#include "cli/import_run.h"
#include "cli/mapping_parser.h"
#include "cli/portfolio.h"
#include "cli/portfolio_math.h"
#include "cli/portfolio_names.h"
#include "common/base/hash.h"
#include "import_support.h"

namespace perennial::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kEnd = 20240;  // 2025-06-01
using Row = std::map<std::string, std::string>;

void Generate(const PortfolioConfig& config, const std::string& folder) {
  const auto writer = PortfolioWriter::Open(folder, false);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE(GeneratePortfolio(config, writer->get(), [](std::int64_t, std::int64_t) { return true; }).ok());
  ASSERT_TRUE((*writer)->Finish().ok());
}

// The rows of a generated file by the names of their columns. Generated values have no commas.
std::vector<Row> RowsOf(const TestFolder& folder, const std::string& file) {
  std::vector<Row> rows;
  std::vector<std::string> names;
  for (const absl::string_view line : absl::StrSplit(folder.Read(file), '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, ',');
    if (names.empty()) {
      names = fields;
      continue;
    }
    Row& row = rows.emplace_back();
    for (std::size_t i = 0; i < names.size(); ++i) row[names[i]] = fields[i];
  }
  return rows;
}

double Number(const std::string& text) {
  double number = 0;
  EXPECT_TRUE(absl::SimpleAtod(text, &number)) << text;
  return number;
}

std::int64_t DayOfText(const std::string& text) {
  absl::CivilDay day;
  EXPECT_TRUE(absl::ParseCivilTime(text.substr(0, 10), &day)) << text;
  return day - absl::CivilDay(1970, 1, 1);
}

TEST(RandomTest, IsTheSameOnEveryMachine) {
  // Computed with another implementation of splitmix64 and xoshiro256**.
  Random random(7, 3);
  EXPECT_EQ(random.Next(), 16798765156602182904ULL);
  EXPECT_EQ(random.Next(), 4386889035457837166ULL);
}

TEST(RandomTest, HasTheMomentsOfItsDistributions) {
  Random random(1, 1);
  double sum = 0;
  double squares = 0;
  double events = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double normal = random.Normal();
    sum += normal;
    squares += normal * normal;
    events += random.Poisson(3.5);
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1, 0.02);
  EXPECT_NEAR(events / kDraws, 3.5, 0.05);
}

TEST(ExpTest, AgreesWithTheMathematicalFunction) {
  EXPECT_DOUBLE_EQ(Exp(0), 1);
  EXPECT_DOUBLE_EQ(Exp(1), 2.718281828459045);
  EXPECT_DOUBLE_EQ(Exp(-3.7), 0.024723526470339388);
  EXPECT_DOUBLE_EQ(Logistic(0), 0.5);
}

TEST(CompanyNameTest, IsDifferentForEveryAccount) {
  std::set<std::string> ids;
  for (int i = 0; i < 40000; ++i) ids.insert(IdOfName(CompanyName(7, i)));
  EXPECT_EQ(ids.size(), 40000u);
}

// One portfolio for the tests that only look at it.
class PortfolioTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TestFolder();
    Generate(Config(), folder_->path());
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }
  static PortfolioConfig Config() {
    return {.accounts = 1500, .seed = 7, .first_day = kEnd - 730, .end_day = kEnd, .usage_density = 1};
  }
  static TestFolder* folder_;
};
TestFolder* PortfolioTest::folder_ = nullptr;

TEST_F(PortfolioTest, IsTheSameForTheSameSeedToTheByte) {
  const TestFolder again;
  Generate(Config(), again.path());
  const TestFolder other;
  PortfolioConfig config = Config();
  config.seed = 8;
  Generate(config, other.path());
  for (const char* file : {"accounts.csv", "subscriptions.csv", "usage.csv", "tickets.csv", "touchpoints.csv",
                           "surveys.csv", "milestones.csv", "churn_reports.csv"}) {
    EXPECT_EQ(Fnv1a64(again.Read(file)), Fnv1a64(folder_->Read(file))) << file;
    EXPECT_NE(Fnv1a64(other.Read(file)), Fnv1a64(folder_->Read(file))) << file;
  }
}

TEST_F(PortfolioTest, IsInOrderOfTimeAndEndsBeforeTheEnd) {
  for (const auto& [file, column] : std::map<std::string, std::string>{{"accounts.csv", "effective_time"},
                                                                       {"subscriptions.csv", "effective_time"},
                                                                       {"usage.csv", "event_time"},
                                                                       {"tickets.csv", "event_time"}}) {
    std::string before;
    for (const Row& row : RowsOf(*folder_, file)) {
      const std::string& time = row.at(column);
      ASSERT_LE(before, time) << file;
      before = time;
    }
    EXPECT_LT(before, "2025-06-01T00:00:00Z") << file;
  }
}

TEST_F(PortfolioTest, NeverContradictsItsOwnSubscriptions) {
  std::map<std::string, Row> last;
  for (const Row& row : RowsOf(*folder_, "subscriptions.csv")) {
    Row& previous = last[row.at("subscription_id")];
    if (!previous.empty()) {
      // One state a moment, and none after the end.
      ASSERT_LT(previous.at("effective_time"), row.at("effective_time")) << row.at("subscription_id");
      ASSERT_EQ(previous.at("end_time"), "");
      ASSERT_EQ(previous.at("start_time"), row.at("start_time"));
    }
    previous = row;
  }
  EXPECT_GT(last.size(), 1400u);
}

TEST_F(PortfolioTest, FitsTheCanonicalFormat) {
  std::ostringstream err;
  Progress progress(err, {}, absl::UnixEpoch());
  const TestFolder scratch;
  RejectsFile rejects(scratch.path() + "/rejects.csv");
  ImportOptions options;
  options.folder = folder_->path();
  options.dry_run = true;
  const auto channel = grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials());
  ImportRun run(*LoadMapping("canonical"), options, channel, progress, rejects, [] { return false; });
  const ImportSummary summary = run.Run();
  ASSERT_TRUE(summary.status.ok()) << summary.status;
  EXPECT_EQ(summary.Total().refused_rows, 0);
  EXPECT_EQ(summary.Total().rows, summary.Total().records);
}

// What the accounts of a portfolio pay on a day, by account.
std::map<std::string, double> RevenueOn(const std::vector<Row>& subscriptions, std::int64_t day) {
  std::map<std::string, std::pair<std::string, double>> by_subscription;
  for (const Row& row : subscriptions) {
    if (DayOfText(row.at("effective_time")) > day) continue;
    const bool over = !row.at("end_time").empty() && DayOfText(row.at("end_time")) <= day;
    const bool pays = row.at("trial") == "false" && !over;
    by_subscription[row.at("subscription_id")] = {row.at("account_id"), pays ? Number(row.at("mrr")) : 0};
  }
  std::map<std::string, double> by_account;
  for (const auto& [id, entry] : by_subscription) {
    if (entry.second > 0) by_account[entry.first] += entry.second;
  }
  return by_account;
}

TEST_F(PortfolioTest, GrowsAndHasMovementsOfEveryKind) {
  const std::vector<Row> subscriptions = RowsOf(*folder_, "subscriptions.csv");
  const auto before = RevenueOn(subscriptions, kEnd - 366);
  const auto after = RevenueOn(subscriptions, kEnd - 1);
  double start = 0;
  double churned = 0;
  double expansion = 0;
  double contraction = 0;
  double fresh = 0;
  for (const auto& [account, mrr] : before) {
    start += mrr;
    const auto now = after.find(account);
    if (now == after.end()) {
      churned += mrr;
    } else {
      (now->second > mrr ? expansion : contraction) += std::abs(now->second - mrr);
    }
  }
  for (const auto& [account, mrr] : after) {
    if (before.count(account) == 0) fresh += mrr;
  }
  EXPECT_GT(after.size(), before.size());
  // A business that loses 5 to 30 % of its revenue in a year, and wins most of it back from those who stay.
  EXPECT_GT(churned / start, 0.05);
  EXPECT_LT(churned / start, 0.30);
  EXPECT_GT(expansion / start, 0.05);
  EXPECT_GT(contraction / start, 0.001);
  EXPECT_GT(fresh / start, 0.15);
}

TEST_F(PortfolioTest, LetsUseFallBeforeACustomerLeaves) {
  // Use a seat in the 60 days before the end, for those who left, and before the end of the history, for those who
  // stayed.
  std::map<std::string, std::int64_t> until;
  std::map<std::string, double> seats;
  std::map<std::string, bool> left;
  for (const Row& row : RowsOf(*folder_, "subscriptions.csv")) {
    const std::string& account = row.at("account_id");
    if (row.at("trial") == "true" || DayOfText(row.at("start_time")) > kEnd - 150) continue;
    seats[account] = Number(row.at("seats"));
    left[account] = !row.at("end_time").empty();
    until[account] = left[account] ? DayOfText(row.at("end_time")) : kEnd;
  }
  std::map<std::string, double> use;
  for (const Row& row : RowsOf(*folder_, "usage.csv")) {
    const auto end = until.find(row.at("account_id"));
    if (end == until.end() || row.at("metric") != "core_actions") continue;
    const std::int64_t day = DayOfText(row.at("event_time"));
    if (day >= end->second - 60 && day < end->second) use[end->first] += Number(row.at("value"));
  }
  double sums[2] = {0, 0};
  int counts[2] = {0, 0};
  for (const auto& [account, end] : until) {
    if (end < kEnd - 600) continue;  // the history begins later than its last 60 days
    sums[left[account] ? 1 : 0] += use[account] / seats[account];
    ++counts[left[account] ? 1 : 0];
  }
  ASSERT_GT(counts[1], 50);
  ASSERT_GT(counts[0], 400);
  EXPECT_LT(sums[1] / counts[1], 0.6 * sums[0] / counts[0]);
  EXPECT_GT(sums[1], 0) << "some use is left, or churn could be told perfectly";
}

TEST_F(PortfolioTest, HasAboutTheUseThatItsDensityPromises) {
  const auto rows = static_cast<double>(RowsOf(*folder_, "usage.csv").size());
  const TestFolder thin;
  PortfolioConfig config = Config();
  config.usage_density = 0.5;
  Generate(config, thin.path());
  EXPECT_LT(rows / (1500 * 2), 180);
  EXPECT_GT(rows / (1500 * 2), 60);
  EXPECT_NEAR(static_cast<double>(RowsOf(thin, "usage.csv").size()) / rows, 0.5, 0.06);
}

TEST_F(PortfolioTest, IsQuietAtTheWeekend) {
  std::map<int, int> by_weekday;
  for (const Row& row : RowsOf(*folder_, "usage.csv")) ++by_weekday[WeekdayOf(DayOfText(row.at("event_time")))];
  EXPECT_LT(by_weekday[6] * 4, by_weekday[1]);
  EXPECT_GT(by_weekday[6], 0);
}

TEST(GenerateCommandTest, WritesTheFilesAndDoesNotReplaceThemUnasked) {
  const TestFolder folder;
  GlobalOptions options;
  std::ostringstream out;
  std::ostringstream err;
  options.out = &out;
  options.err = &err;
  const auto run = [&](const std::string& end, std::vector<std::string> more) {
    const auto app = MakeApp(options, "test");
    AddGenerateCommand(*app, options);
    std::vector<std::string> arguments = {
        "generate", folder.path() + "/p", "--accounts", "20", "--months", "3", "--end", end};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return perennial::cli::Run(*app, options, arguments);
  };
  EXPECT_EQ(run("2025-06-01", {}), kExitSuccess);
  EXPECT_THAT(out.str(), HasSubstr("Generated 20 accounts over 3 months up to 2025-06-01"));
  EXPECT_TRUE(folder.Has("p/accounts.csv"));
  EXPECT_FALSE(folder.Has("p/accounts.csv.partial"));
  EXPECT_EQ(run("2025-06-01", {}), kExitFailure);
  EXPECT_THAT(err.str(), HasSubstr("accounts.csv exists"));
  EXPECT_EQ(run("2025-06-01", {"--replace"}), kExitSuccess);
  EXPECT_EQ(run("someday", {"--replace"}), kExitFailure);
}

}  // namespace
}  // namespace perennial::cli
