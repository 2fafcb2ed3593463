// A restore drill with the real processes, and what a purge leaves in all of them.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/integration/suite.h"

namespace perennial::testing {
namespace {

namespace accounts = perennial::accounts::v1;
namespace health = perennial::health::v1;
namespace segments = perennial::segments::v1;

constexpr char kDay[] = "2024-12-31T12:00:00Z";
constexpr std::int64_t kDaySeconds = 1735646400;  // kDay since 1970
constexpr int kAccounts = 20;
constexpr char kMarker[] = "QQMARKERQQ";

accounts::Record RecordOf(const std::string& account) {
  accounts::Record record;
  record.set_account("accounts/" + account);
  record.mutable_event_time()->set_seconds(kDaySeconds - 86400 * 100);
  return record;
}

accounts::Record Usage(const std::string& account, const std::string& id) {
  accounts::Record record = RecordOf(account);
  record.set_record_id(id);
  record.mutable_event_time()->set_seconds(kDaySeconds - 3600);
  record.mutable_usage()->set_metric("logins");
  return record;
}

class RestoreDrill : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
    std::vector<accounts::Record> records;
    for (int i = 0; i < kAccounts; ++i) {
      const std::string id = absl::StrCat("a", i);
      records.push_back(RecordOf(id));
      records.back().mutable_account_state()->set_display_name(absl::StrCat(i == 0 ? kMarker : "Account ", i));
      records.push_back(RecordOf(id));
      auto* subscription = records.back().mutable_subscription_state();
      subscription->set_name(absl::StrCat("accounts/", id, "/subscriptions/s"));
      subscription->set_plan("Pro");
      subscription->mutable_mrr()->set_amount(absl::StrCat(100 + i));
      subscription->mutable_mrr()->set_currency_code("USD");
      *subscription->mutable_start_time() = records.back().event_time();
      for (int j = 0; j <= i; ++j) records.push_back(Usage(id, absl::StrCat("u", i, "-", j)));
    }
    Write(records);
  }
  void Write(const std::vector<accounts::Record>& records) {
    const Stubs stubs(suite_.Channel());
    accounts::WriteRecordsRequest request;
    request.mutable_records()->Assign(records.begin(), records.end());
    accounts::WriteRecordsResponse response;
    const grpc::Status status = Call(*stubs.ingest, &accounts::IngestService::Stub::WriteRecords, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.summary().errors_size(), 0) << response.ShortDebugString();
    revision_ = response.summary().revision();
  }
  void StopAll() {
    for (const Part part : {Part::kGateway, Part::kSegments, Part::kHealth, Part::kAccounts}) {
      EXPECT_EQ(suite_.Terminate(part), 0) << NameOf(part);
    }
  }
  void StartAll() {
    for (const Part part : kServices) suite_.Start(part);
    ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  }
  // Puts what was restored where the processes of the suite look for it.
  void Place(const std::string& restored) {
    const std::pair<const char*, Part> folders[] = {
        {"accounts", Part::kAccounts}, {"health", Part::kHealth}, {"segments", Part::kSegments}};
    for (const auto& [name, part] : folders) {
      const std::string target = absl::StrCat(suite_.folder(), "/", NameOf(part));
      std::filesystem::remove_all(target);
      std::filesystem::rename(absl::StrCat(restored, "/", name), target);
    }
  }
  accounts::GetFactsResponse Facts(const std::string& account) {
    const Stubs stubs(suite_.Channel());
    accounts::GetFactsRequest request;
    request.set_name("accounts/" + account);
    accounts::GetFactsResponse response;
    const grpc::Status status = Call(*stubs.facts, &accounts::FactService::Stub::GetFacts, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  double Logins(const std::string& account) {
    const accounts::GetFactsResponse response = Facts(account);
    for (const auto& fact : response.facts()) {
      if (fact.name() == "usage.logins.sum_7d") return fact.number();
    }
    return 0;
  }
  std::string Report() {
    const Stubs stubs(suite_.Channel());
    segments::GetPortfolioReportRequest request;
    request.set_min_facts_revision(revision_);
    segments::GetPortfolioReportResponse report;
    const grpc::Status status =
        Call(*stubs.portfolio, &segments::PortfolioService::Stub::GetPortfolioReport, request, &report);
    EXPECT_TRUE(status.ok()) << status.error_message() << suite_.Logs();
    report.clear_facts_revision();
    return report.DebugString();
  }
  std::size_t HistoryOf(const std::string& account) {
    const Stubs stubs(suite_.Channel());
    health::ListHealthScoreHistoryRequest request;
    request.set_parent("accounts/" + account);
    health::ListHealthScoreHistoryResponse response;
    const grpc::Status status =
        Call(*stubs.scores, &health::HealthScoreService::Stub::ListHealthScoreHistory, request, &response);
    return status.ok() ? static_cast<std::size_t>(response.changes_size()) : 0;
  }

  Suite suite_{kDay};
  std::int64_t revision_ = 0;
};

TEST_F(RestoreDrill, ABackupTakenUnderWritesBringsBackAllThatWasAcknowledgedBeforeIt) {
  // Something that only health-svc and only segment-svc know.
  const Stubs stubs(suite_.Channel());
  (void)Report();  // scores are there
  health::SetHealthScoreOverrideRequest set;
  set.set_name("accounts/a3/healthScore");
  set.mutable_override()->set_score(11);
  set.mutable_override()->set_reason("they told us");
  set.mutable_override()->set_author("ann");
  set.mutable_override()->mutable_expire_time()->set_seconds(kDaySeconds + 86400);
  health::SetHealthScoreOverrideResponse overridden;
  const grpc::Status was_set =
      Call(*stubs.scores, &health::HealthScoreService::Stub::SetHealthScoreOverride, set, &overridden);
  ASSERT_TRUE(was_set.ok()) << was_set.error_message();

  std::atomic<int> acknowledged = 0;
  std::atomic<bool> stop = false;
  std::thread writing([&] {
    for (int i = 0; !stop && !HasFatalFailure(); ++i) {
      Write({Usage("a1", absl::StrCat("w", i))});
      acknowledged = i + 1;
    }
  });
  while (acknowledged < 20 && !HasFatalFailure()) absl::SleepFor(absl::Milliseconds(1));
  const int before = acknowledged;
  const std::string backup = suite_.folder() + "/backup";
  const Finished made = suite_.Cli({"--json", "backup", "--out", backup});
  const int after = acknowledged;
  stop = true;
  writing.join();
  ASSERT_EQ(made.exit_code, 0) << made.err << suite_.Logs();
  EXPECT_EQ(nlohmann::json::parse(made.out).at("files").size(), 5U);
  EXPECT_EQ(suite_.Cli({"backup", "--out", backup}).exit_code, 1) << "there is one already";

  const std::string restored = suite_.folder() + "/restored";
  const Finished running = suite_.Cli({"restore", "--from", backup, "--data", restored});
  ASSERT_EQ(running.exit_code, 0) << running.err;
  StopAll();
  Place(restored);
  StartAll();
  const double there = Logins("a1");
  EXPECT_GE(there, 2 + before);
  EXPECT_LE(there, 2 + after + 1);
  for (int i = 2; i < kAccounts; ++i) EXPECT_EQ(Logins(absl::StrCat("a", i)), i + 1);
  health::GetHealthScoreRequest get;
  get.set_name("accounts/a3/healthScore");
  health::GetHealthScoreResponse score;
  const grpc::Status read = Call(*Stubs(suite_.Channel()).scores, &health::HealthScoreService::Stub::GetHealthScore, get,
                                 &score);
  ASSERT_TRUE(read.ok()) << read.error_message();
  EXPECT_EQ(score.health_score().score(), 11);

  // The same answers as from facts that were never backed up: everything is read anew.
  revision_ = 0;
  const std::string report = Report();
  StopAll();
  StartAll();
  EXPECT_EQ(Report(), report);
  Write({Usage("a1", "after")});
  EXPECT_EQ(Logins("a1"), there + 1) << "and it goes on";
}

TEST_F(RestoreDrill, AServiceThatWasNotStoppedNoticesThatItsFeedWasReplaced) {
  const std::string backup = suite_.folder() + "/backup";
  ASSERT_EQ(suite_.Cli({"backup", "--out", backup}).exit_code, 0);
  // More revisions than the restored database will have given out, and then as many again.
  for (int i = 0; i < 5; ++i) Write({Usage("a0", absl::StrCat("lost", i))});
  (void)Report();
  EXPECT_EQ(suite_.Terminate(Part::kAccounts), 0);
  const std::string restored = suite_.folder() + "/restored";
  ASSERT_EQ(suite_.Cli({"restore", "--from", backup, "--data", restored}).exit_code, 0);
  const std::string target = absl::StrCat(suite_.folder(), "/", NameOf(Part::kAccounts));
  std::filesystem::remove_all(target);
  std::filesystem::rename(restored + "/accounts", target);
  suite_.Start(Part::kAccounts);
  ASSERT_TRUE(suite_.WaitReady()) << suite_.Logs();
  for (int i = 0; i < 9; ++i) Write({Usage("a7", absl::StrCat("kept", i))});
  const auto scored_facts = [&](const std::string& account) {
    health::GetHealthScoreRequest request;
    request.set_name(absl::StrCat("accounts/", account, "/healthScore"));
    request.set_min_facts_revision(revision_);
    health::GetHealthScoreResponse response;
    const grpc::Status status = Call(*Stubs(suite_.Channel()).scores,
                                     &health::HealthScoreService::Stub::GetHealthScore, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.health_score().facts_revision();
  };
  const auto eventually = [](const std::function<bool()>& condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(20));
    }
    return true;
  };
  EXPECT_TRUE(eventually([&] { return scored_facts("a0") == Facts("a0").revision(); })) << suite_.Logs();
  EXPECT_TRUE(eventually([&] { return scored_facts("a7") == Facts("a7").revision(); })) << suite_.Logs();
}

TEST_F(RestoreDrill, ADamagedBackupIsRefusedAndNothingIsTouched) {
  const std::string backup = suite_.folder() + "/backup";
  ASSERT_EQ(suite_.Cli({"backup", "--out", backup}).exit_code, 0);
  {
    std::fstream file(backup + "/accounts.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5000);
    file.put('!');
  }
  const std::string restored = suite_.folder() + "/restored";
  const Finished refused = suite_.Cli({"restore", "--from", backup, "--data", restored});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(refused.err, "accounts.db")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(restored));
}

TEST_F(RestoreDrill, APurgedAccountIsGoneFromEveryService) {
  (void)Report();
  EXPECT_GE(HistoryOf("a0"), 1U);
  const Stubs stubs(suite_.Channel());
  accounts::DeleteAccountRequest remove;
  remove.set_name("accounts/a0");
  accounts::DeleteAccountResponse removed;
  ASSERT_TRUE(Call(*stubs.accounts, &accounts::AccountService::Stub::DeleteAccount, remove, &removed).ok());
  accounts::PurgeAccountRequest purge;
  purge.set_name("accounts/a0");
  accounts::PurgeAccountResponse purged;
  const grpc::Status status = Call(*stubs.accounts, &accounts::AccountService::Stub::PurgeAccount, purge, &purged);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(purged.records_erased(), 1);

  perennial::gateway::v1::GetCustomer360Request view;
  view.set_name("accounts/a0");
  perennial::gateway::v1::GetCustomer360Response seen;
  EXPECT_EQ(Call(*stubs.customers, &perennial::gateway::v1::CustomerService::Stub::GetCustomer360, view, &seen)
                .error_code(),
            grpc::StatusCode::NOT_FOUND);
  revision_ = purged.revision();
  (void)Report();  // health-svc and segment-svc know of it
  EXPECT_EQ(HistoryOf("a0"), 0U);
  segments::ListAccountSegmentsRequest list;
  list.set_account("accounts/a0");
  list.set_show_left(true);
  segments::ListAccountSegmentsResponse stays;
  const grpc::Status listed =
      Call(*stubs.segments, &segments::SegmentService::Stub::ListAccountSegments, list, &stays);
  EXPECT_TRUE(!listed.ok() || stays.memberships_size() == 0) << stays.DebugString();

  // A new account of its id is not taken for it when the tombstone is read again.
  accounts::CreateAccountRequest create;
  create.set_account_id("a0");
  create.mutable_account()->set_display_name("another");
  accounts::CreateAccountResponse created;
  ASSERT_TRUE(Call(*stubs.accounts, &accounts::AccountService::Stub::CreateAccount, create, &created).ok());
  revision_ = created.account().revision();
  (void)Report();
  EXPECT_EQ(HistoryOf("a0"), 1U);
  StopAll();
  StartAll();
  (void)Report();
  EXPECT_EQ(HistoryOf("a0"), 1U);

  StopAll();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(suite_.folder())) {
    if (!entry.is_regular_file() || !absl::StrContains(entry.path().filename().string(), ".db")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_FALSE(absl::StrContains(bytes, kMarker)) << entry.path();
  }
}

}  // namespace
}  // namespace perennial::testing
