// Two health-svc share the accounts behind one segment-svc and one gateway; one is killed and comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/audit_service.grpc.pb.h"
#include "perennial/health/v1/scorecard_service.grpc.pb.h"
#include "perennial/health/v1/value_service.grpc.pb.h"
#include "tests/integration/suite.h"
#include "tests/testing/process.h"

namespace perennial::testing {
namespace {

constexpr int kAccounts = 60;
constexpr const char* kScorecards =
    "scorecards { id: 'general' revision: 1 groups { id: 'usage' weight: 1 } "
    "measures { id: 'use' group: 'usage' fact: 'attributes.use' weight: 1 missing: MISSING_POLICY_REDISTRIBUTE "
    "  curve { linear { points { value: 0 score: 0 } points { value: 100 score: 100 } } } } "
    "bands { id: 'red' } bands { id: 'green' lower_bound: 50 } }";
constexpr const char* kRules =
    "rules { id: 'idle' filter: 'attributes.use < 10' severity: FLAG_SEVERITY_HIGH category: FLAG_CATEGORY_RISK }";

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return condition();
}

class ShardedHealth : public ::testing::Test {
 protected:
  enum Place { kAccountsSvc, kShard0, kShard1, kSegmentSvc, kGatewaySvc, kPlaces };

  void SetUp() override {
    for (int& port : ports_) port = FreePort();
    std::ofstream(folder_.path() + "/scorecards") << kScorecards;
    std::ofstream(folder_.path() + "/rules") << kRules;
    for (int place = 0; place < kPlaces; ++place) Start(static_cast<Place>(place));
    direct_ = std::make_unique<Stubs>(Channel(kAccountsSvc));
    segments_ = std::make_unique<Stubs>(Channel(kSegmentSvc));
    gateway_ = std::make_unique<Stubs>(Channel(kGatewaySvc));
    scorecards_ = health::v1::ScorecardService::NewStub(Channel(kGatewaySvc));
    for (int i = 0; i < kAccounts; ++i) Put(i, i % 2 == 0 ? 80 : 5, true);
    CreateSegment("green", "health.score >= 50");
    CreateSegment("idle", "flags.idle = true");
  }

  std::string Address(Place place) const { return absl::StrCat("127.0.0.1:", ports_[place]); }
  std::shared_ptr<grpc::Channel> Channel(Place place) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
    return grpc::CreateCustomChannel(Address(place), grpc::InsecureChannelCredentials(), arguments);
  }
  std::vector<std::string> Command(Place place) const {
    const std::string shards = absl::StrCat(Address(kShard0), ",", Address(kShard1));
    const auto program = [&](const char* name) { return absl::StrCat(PERENNIAL_BINARY_DIR "/", name); };
    const std::string port = absl::StrCat("--port=", ports_[place]);
    const std::string data = absl::StrCat("--data=", folder_.path(), "/", static_cast<int>(place));
    const std::string accounts = "--accounts=" + Address(kAccountsSvc);
    switch (place) {
      case kAccountsSvc: return {program("accounts-svc"), port, data};
      case kShard0:
      case kShard1:
        return {program("health-svc"), port, data, accounts, absl::StrCat("--shard=", place - kShard0, "/2"),
                "--replicas=" + shards, "--metrics_port=-1", "--scorecards=" + folder_.path() + "/scorecards",
                "--flag_rules=" + folder_.path() + "/rules"};
      case kSegmentSvc:
        return {program("segment-svc"), port, data, accounts, "--health=" + shards, "--metrics_port=-1"};
      default:
        return {program("gateway"), port, accounts, "--health=ipv4:" + shards, "--segments=" + Address(kSegmentSvc),
                "--http_port=-1"};
    }
  }
  void Start(Place place) {
    processes_[place] =
        std::make_unique<Process>(Command(place), absl::StrCat(folder_.path(), "/", static_cast<int>(place), ".log"));
  }
  std::string Logs() const {
    std::string logs;
    for (int place = 0; place < kPlaces; ++place) {
      const std::string log = ReadFile(absl::StrCat(folder_.path(), "/", place, ".log"));
      absl::StrAppend(&logs, "-- ", place, "\n", log.substr(log.size() < 1500 ? 0 : log.size() - 1500), "\n");
    }
    return logs;
  }

  void Put(int number, double use, bool is_new = false) {
    accounts::v1::Account account;
    account.set_name(absl::StrCat("accounts/a", number));
    account.set_display_name(absl::StrCat("Account ", number));
    (*account.mutable_attributes())["use"].set_number(use);
    if (is_new) {
      accounts::v1::CreateAccountRequest request;
      request.set_account_id(absl::StrCat("a", number));
      *request.mutable_account() = account;
      accounts::v1::CreateAccountResponse response;
      const grpc::Status status =
          Call(*direct_->accounts, &accounts::v1::AccountService::Stub::CreateAccount, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message() << Logs();
    } else {
      accounts::v1::UpdateAccountRequest request;
      *request.mutable_account() = account;
      request.mutable_update_mask()->add_paths("attributes.use");
      accounts::v1::UpdateAccountResponse response;
      const grpc::Status status =
          Call(*direct_->accounts, &accounts::v1::AccountService::Stub::UpdateAccount, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
    }
  }
  void CreateSegment(const std::string& id, const std::string& filter) {
    segments::v1::CreateSegmentRequest request;
    request.set_segment_id(id);
    request.mutable_segment()->set_display_name(id);
    request.mutable_segment()->set_filter(filter);
    segments::v1::CreateSegmentResponse response;
    grpc::Status status;
    // Its facts are known once an account has them.
    ASSERT_TRUE(Eventually([&] {
      status = Call(*segments_->segments, &segments::v1::SegmentService::Stub::CreateSegment, request, &response);
      return status.ok();
    })) << status.error_message() << Logs();
  }
  std::set<std::string> Members(const std::string& segment) {
    segments::v1::ListMembersRequest request;
    request.set_parent("segments/" + segment);
    request.set_page_size(1000);
    segments::v1::ListMembersResponse response;
    (void)Call(*segments_->segments, &segments::v1::SegmentService::Stub::ListMembers, request, &response);
    std::set<std::string> out;
    for (const auto& member : response.members()) out.insert(member.account());
    return out;
  }
  // How often each account entered a segment, less how often it left; and fails when it did one twice in a row.
  std::map<std::string, int> Balance(const std::string& segment) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    segments::v1::WatchMembershipRequest request;
    request.set_segment("segments/" + segment);
    const auto reader = segments_->segments->WatchMembership(&context, request);
    std::map<std::string, int> balance;
    segments::v1::WatchMembershipResponse response;
    bool all = false;
    while (!all && reader->Read(&response)) {
      for (const auto& event : response.events()) {
        int& count = balance[event.account()];
        count += event.kind() == segments::v1::MEMBERSHIP_EVENT_KIND_ENTERED ? 1 : -1;
        EXPECT_TRUE(count == 0 || count == 1) << event.account() << " entered or left " << segment << " twice";
      }
      all = response.caught_up();
    }
    EXPECT_TRUE(all);
    context.TryCancel();
    return balance;
  }
  std::set<std::string> Numbers(const std::function<bool(int)>& wanted) const {
    std::set<std::string> out;
    for (int i = 0; i < kAccounts; ++i) {
      if (wanted(i)) out.insert(absl::StrCat("accounts/a", i));
    }
    return out;
  }
  // The scores that a watch sends until it has caught up, by account.
  static std::map<std::string, health::v1::HealthScore> Watched(const Stubs& stubs, bool replica_only) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    health::v1::WatchHealthScoresRequest request;
    request.set_replica_only(replica_only);
    const auto reader = stubs.scores->WatchHealthScores(&context, request);
    std::map<std::string, health::v1::HealthScore> out;
    health::v1::WatchHealthScoresResponse response;
    bool all = false;
    while (!all && reader->Read(&response)) {
      for (const auto& update : response.updates()) out["accounts/" + update.account_id()] = update.health_score();
      all = response.caught_up();
    }
    context.TryCancel();
    return out;
  }
  // Accounts of a shard, as health-svc cuts them.
  std::set<std::string> AccountsOf(Place shard) {
    const Stubs stubs(Channel(shard));
    std::set<std::string> out;
    for (const auto& [account, score] : Watched(stubs, true)) out.insert(account);
    return out;
  }
  // Makes a new revision of the scorecard through the gateway, whichever shard it asks.
  grpc::Status RaiseGreenTo(double lower_bound, health::v1::Scorecard* out) {
    health::v1::UpdateScorecardRequest request;
    request.mutable_scorecard()->set_name("scorecards/general");
    request.mutable_scorecard()->add_bands()->set_id("red");
    request.mutable_scorecard()->add_bands()->set_id("green");
    request.mutable_scorecard()->mutable_bands(1)->set_lower_bound(lower_bound);
    request.mutable_update_mask()->add_paths("bands");
    request.set_author("kim");
    health::v1::UpdateScorecardResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const grpc::Status status = scorecards_->UpdateScorecard(&context, request, &response);
    *out = response.scorecard();
    return status;
  }
  // Whether all accounts, those of both shards, are scored by a revision.
  bool AllScoredBy(std::int64_t revision) {
    const auto scores = Watched(*gateway_, false);
    return scores.size() == kAccounts && std::all_of(scores.begin(), scores.end(), [&](const auto& one) {
             return one.second.scorecard_revision() == revision;
           });
  }
  std::int64_t ListedThroughGateway() {
    health::v1::ListHealthScoresRequest request;
    request.set_page_size(1000);
    health::v1::ListHealthScoresResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    const grpc::Status status = gateway_->scores->ListHealthScores(&context, request, &response);
    return status.ok() ? response.total_size() : -1;
  }

  const TemporaryFolder folder_;
  int ports_[kPlaces] = {};
  std::unique_ptr<Process> processes_[kPlaces];
  std::unique_ptr<Stubs> direct_;
  std::unique_ptr<Stubs> segments_;
  std::unique_ptr<Stubs> gateway_;
  std::unique_ptr<health::v1::ScorecardService::Stub> scorecards_;
};

TEST_F(ShardedHealth, SegmentsSeeAllAccountsAndLoseOrDoubleNoneWhenAShardIsKilled) {
  const auto even = Numbers([](int i) { return i % 2 == 0; });
  const auto odd = Numbers([](int i) { return i % 2 == 1; });
  ASSERT_TRUE(Eventually([&] { return Members("green") == even && Members("idle") == odd; })) << Logs();
  const std::set<std::string> killed = AccountsOf(kShard1);
  ASSERT_GT(killed.size(), 5U);
  ASSERT_LT(killed.size(), kAccounts - 5U);
  EXPECT_TRUE(Eventually([&] { return ListedThroughGateway() == kAccounts; })) << Logs();

  // All change places; the shard that lives says so at once, and nothing is forgotten of the other's accounts.
  processes_[kShard1]->Kill();
  for (int i = 0; i < kAccounts; ++i) Put(i, i % 2 == 0 ? 5 : 80);
  const auto green_meanwhile = Numbers([&](int i) {
    return killed.contains(absl::StrCat("accounts/a", i)) ? i % 2 == 0 : i % 2 == 1;
  });
  EXPECT_TRUE(Eventually([&] { return Members("green") == green_meanwhile; })) << Logs();

  Start(kShard1);
  EXPECT_TRUE(Eventually([&] { return Members("green") == odd && Members("idle") == even; })) << Logs();
  // And again while segment-svc is away as well.
  processes_[kShard0]->Kill();
  processes_[kSegmentSvc]->Kill();
  for (int i = 0; i < kAccounts; ++i) Put(i, i % 2 == 0 ? 80 : 5);
  Start(kSegmentSvc);
  Start(kShard0);
  EXPECT_TRUE(Eventually([&] { return Members("green") == even && Members("idle") == odd; })) << Logs();
  for (const auto& [account, count] : Balance("green")) EXPECT_EQ(count, even.contains(account) ? 1 : 0) << account;
  for (const auto& [account, count] : Balance("idle")) EXPECT_EQ(count, odd.contains(account) ? 1 : 0) << account;
  EXPECT_TRUE(Eventually([&] { return ListedThroughGateway() == kAccounts; })) << Logs();
}

TEST_F(ShardedHealth, ACallThatAllShardsMakeIsOneEntryOfTheAuditTrail) {
  ASSERT_TRUE(Eventually([&] { return AllScoredBy(1); })) << Logs();
  std::vector<std::string> made;
  for (const Place shard : {kShard1, kShard0}) {
    const auto values = health::v1::ValueService::NewStub(Channel(shard));
    health::v1::UpdateValueSettingsRequest settings;
    settings.mutable_settings()->set_discount_rate(shard == kShard1 ? 0.2 : 0.3);
    settings.set_author("kim");
    health::v1::UpdateValueSettingsResponse set;
    grpc::Status status = Call(*values, &health::v1::ValueService::Stub::UpdateValueSettings, settings, &set);
    ASSERT_TRUE(status.ok()) << status.error_message() << Logs();
    made.push_back("UpdateValueSettings");
    health::v1::FitRetentionModelRequest fit;
    fit.set_value_model_id("all");
    fit.set_author("kim");
    for (const double survivors : {1000, 869, 743, 653, 593, 551}) {
      (fit.cohorts().empty() ? fit.add_cohorts() : fit.mutable_cohorts(0))->add_survivors(survivors);
    }
    health::v1::FitRetentionModelResponse fitted;
    status = Call(*values, &health::v1::ValueService::Stub::FitRetentionModel, fit, &fitted);
    ASSERT_TRUE(status.ok()) << status.error_message() << Logs();
    made.push_back("FitRetentionModel");
  }
  const auto trail = accounts::v1::AuditService::NewStub(Channel(kAccountsSvc));
  const auto entries = [&] {
    accounts::v1::ListAuditEntriesRequest request;
    request.set_page_size(1000);
    accounts::v1::ListAuditEntriesResponse response;
    (void)Call(*trail, &accounts::v1::AuditService::Stub::ListAuditEntries, request, &response);
    std::vector<std::string> methods;
    for (const auto& entry : response.entries()) {
      if (!absl::StrContains(entry.method(), ".health.")) continue;
      methods.push_back(entry.method().substr(entry.method().rfind('/') + 1));
    }
    std::reverse(methods.begin(), methods.end());
    return methods;
  };
  EXPECT_TRUE(Eventually([&] { return entries().size() >= made.size(); })) << Logs();
  // Both shards stop after they have sent what they had to tell.
  for (const Place shard : {kShard0, kShard1}) {
    processes_[shard]->Signal(SIGTERM);
    EXPECT_EQ(processes_[shard]->Wait(), 0);
  }
  EXPECT_THAT(entries(), ::testing::ElementsAreArray(made));
}

TEST_F(ShardedHealth, AScorecardThatIsChangedThroughTheGatewayScoresTheAccountsOfAllShards) {
  ASSERT_TRUE(Eventually([&] { return AllScoredBy(1); })) << Logs();
  std::int64_t revision = 1;
  health::v1::Scorecard stored;
  // Often enough for the gateway to ask either.
  for (const double lower_bound : {60, 70, 85}) {
    const grpc::Status status = RaiseGreenTo(lower_bound, &stored);
    ASSERT_TRUE(status.ok()) << status.error_message() << Logs();
    EXPECT_EQ(stored.revision(), ++revision);
  }
  EXPECT_TRUE(Eventually([&] { return AllScoredBy(revision); })) << Logs();
  for (const auto& [account, score] : Watched(*gateway_, false)) EXPECT_EQ(score.band(), "red") << account;

  // The one that keeps scorecards is killed: reads go on, changes say why not, and after its start all is as it was.
  processes_[kShard0]->Kill();
  EXPECT_TRUE(Eventually([&] { return RaiseGreenTo(50, &stored).error_code() == grpc::StatusCode::UNAVAILABLE; }));
  health::v1::GetScorecardRequest get;
  get.set_name("scorecards/general");
  health::v1::GetScorecardResponse got;
  EXPECT_TRUE(Eventually([&] {
    return Call(*scorecards_, &health::v1::ScorecardService::Stub::GetScorecard, get, &got).ok();
  }));
  EXPECT_EQ(got.scorecard().revision(), revision);
  Start(kShard0);
  ASSERT_TRUE(Eventually([&] { return RaiseGreenTo(50, &stored).ok(); })) << Logs();
  EXPECT_EQ(stored.revision(), revision + 1);
  EXPECT_TRUE(Eventually([&] { return AllScoredBy(revision + 1); })) << Logs();
  const auto even = Numbers([](int i) { return i % 2 == 0; });
  for (const auto& [account, score] : Watched(*gateway_, false)) {
    EXPECT_EQ(score.band(), even.contains(account) ? "green" : "red") << account;
  }
}

}  // namespace
}  // namespace perennial::testing
