// Two processes' worth of accounts-svc on one PostgreSQL database.
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/accounts/feed_follower.h"
#include "tests/accounts/ledger_follower.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {
namespace {

// The server of ServerTest, and another one beside it.
class ReplicasTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    auto other = AccountsServer::Start({.data = folder_.path(),
                                        .database = DatabaseFor(folder_.path()),
                                        .sweep_interval = std::chrono::milliseconds(5)},
                                       clock_);
    ASSERT_TRUE(other.ok()) << other.status();
    other_ = *std::move(other);
    const auto channel = other_->InProcessChannel();
    other_accounts_ = v1::AccountService::NewStub(channel);
    other_ingest_ = v1::IngestService::NewStub(channel);
    other_facts_ = v1::FactService::NewStub(channel);
  }

  // Creates an account with one attribute through either server.
  static grpc::Status Create(v1::AccountService::Stub& stub, const std::string& id, const std::string& key,
                             double value) {
    v1::CreateAccountRequest request;
    request.set_account_id(id);
    request.mutable_account()->set_display_name(id);
    (*request.mutable_account()->mutable_attributes())[key].set_number(value);
    v1::CreateAccountResponse response;
    return Send(stub, &v1::AccountService::Stub::CreateAccount, request, &response);
  }
  grpc::Status Use(v1::IngestService::Stub& stub, const std::string& id, const std::string& record,
                   const std::string& metric) {
    v1::WriteRecordsRequest request;
    *request.add_records() = Usage(id, record, metric, 3);
    v1::WriteRecordsResponse response;
    const grpc::Status status = Send(stub, &v1::IngestService::Stub::WriteRecords, request, &response);
    EXPECT_EQ(response.summary().errors_size(), 0) << response.summary().ShortDebugString();
    return status;
  }
  // Facts by account, as GetFacts of `stub` answers them.
  static std::map<std::string, Facts> FactsThrough(v1::FactService::Stub& stub,
                                                   const std::map<std::string, Facts>& accounts) {
    std::map<std::string, Facts> all;
    for (const auto& [id, unused] : accounts) {
      v1::GetFactsRequest request;
      request.set_name("accounts/" + id);
      v1::GetFactsResponse response;
      const grpc::Status status = Send(stub, &v1::FactService::Stub::GetFacts, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (v1::Fact fact : response.facts()) {
        const std::string name = fact.name();
        fact.clear_name();
        all[id][name] = fact.ShortDebugString();
      }
    }
    return all;
  }

  std::unique_ptr<AccountsServer> other_;
  std::unique_ptr<v1::AccountService::Stub> other_accounts_;
  std::unique_ptr<v1::IngestService::Stub> other_ingest_;
  std::unique_ptr<v1::FactService::Stub> other_facts_;
};

TEST_F(ReplicasTest, AWatchOfOneHearsOfAWriteThroughTheOther) {
  FeedFollower follower(*other_facts_);
  while (!follower.caught_up_) ASSERT_TRUE(follower.ReadOne());
  CreateAccount("acme");
  while (!follower.rows_.contains("acme")) ASSERT_TRUE(follower.ReadOne());
  EXPECT_EQ(follower.rows_, FactsThrough(*facts_, follower.rows_));
}

TEST_F(ReplicasTest, WatchesOfBothAreOrderedAndEndWithTheSameFactsUnderConcurrentWrites) {
  constexpr int kWriters = 3;  // for each server
  constexpr int kAccounts = 12;
  FeedFollower here(*facts_);
  FeedFollower there(*other_facts_);
  const auto follow = [](FeedFollower& follower) {
    while (!follower.rows_.contains("the-last")) ASSERT_TRUE(follower.ReadOne());
  };
  std::thread follow_here([&] { follow(here); });
  std::thread follow_there([&] { follow(there); });
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 2 * kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      v1::AccountService::Stub& accounts = writer % 2 == 0 ? *accounts_ : *other_accounts_;
      v1::IngestService::Stub& ingest = writer % 2 == 0 ? *other_ingest_ : *ingest_;
      for (int i = 0; i < kAccounts; ++i) {
        const std::string id = absl::StrCat("a", writer, "-", i);
        // New facts all the time, some of them through both servers at once.
        const grpc::Status created = Create(accounts, id, absl::StrCat("k", i, "_", writer % 3), i);
        EXPECT_TRUE(created.ok()) << created.error_message();
        const grpc::Status used = Use(ingest, id, absl::StrCat("u", i), absl::StrCat("m", i % 4, writer % 2));
        EXPECT_TRUE(used.ok()) << used.error_message();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CreateAccount("the-last");
  follow_here.join();
  follow_there.join();

  // A new metric changes the breadth of use of all accounts; the sweep brings that into their rows when it comes to them.
  while (here.rows_ != FactsThrough(*facts_, here.rows_)) ASSERT_TRUE(here.ReadOne());
  while (there.revision_ < here.revision_) ASSERT_TRUE(there.ReadOne());
  EXPECT_EQ(here.rows_.size(), 2U * kWriters * kAccounts + 1);
  EXPECT_EQ(here.rows_, there.rows_);
  EXPECT_EQ(here.revision_, there.revision_);
  // A reader from the beginning sees what they saw, and both servers compute it.
  FeedFollower fresh(*other_facts_);
  fresh.ReadUntil(here.revision_);
  EXPECT_EQ(fresh.rows_, here.rows_);
  EXPECT_EQ(FactsThrough(*facts_, here.rows_), here.rows_);
  EXPECT_EQ(FactsThrough(*other_facts_, here.rows_), here.rows_);
}

TEST_F(ReplicasTest, FollowersOfTheLedgerMissNoneThatEitherWrites) {
  constexpr int kAccounts = 60;  // for each server
  for (int i = 0; i < 2 * kAccounts; ++i) CreateAccount(absl::StrCat("a", i));
  const auto there = v1::SubscriptionService::NewStub(other_->InProcessChannel());
  LedgerFollower follow_here(*subscriptions_, 0);
  LedgerFollower follow_there(*there, 0);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      v1::SubscriptionService::Stub& stub = writer % 2 == 0 ? *subscriptions_ : *there;
      for (int i = writer; i < 2 * kAccounts; i += 4) {
        v1::CreateSubscriptionResponse response;
        const grpc::Status status = Send(stub, &v1::SubscriptionService::Stub::CreateSubscription,
                                         SubscriptionOf(absl::StrCat("a", i), "s", absl::StrCat(i + 1)), &response);
        EXPECT_TRUE(status.ok()) << status.error_message();
      }
    });
  }
  for (LedgerFollower* follower : {&follow_here, &follow_there}) {
    follower->ReadUntil([&] { return follower->ledgers_.size() == 2U * kAccounts; });
    EXPECT_EQ(follower->revision_, 2 * kAccounts) << "each ledger changed once";
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(follow_here.ledgers_, follow_there.ledgers_);
}

TEST_F(ReplicasTest, AFactThatOneHasAddedIsKnownToTheOtherAtOnce) {
  ASSERT_TRUE(Create(*accounts_, "acme", "size", 7).ok());
  ASSERT_TRUE(Create(*other_accounts_, "zeta", "weight", 8).ok());
  v1::ListAccountsRequest request;
  request.set_filter("attributes.size = 7 OR attributes.weight = 8");
  for (v1::AccountService::Stub* stub : {accounts_.get(), other_accounts_.get()}) {
    v1::ListAccountsResponse response;
    const grpc::Status status = Send(*stub, &v1::AccountService::Stub::ListAccounts, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.accounts_size(), 2);
  }
}

TEST_F(ReplicasTest, AnAttributeKeepsTheTypeThatTheFirstOfTheTwoGaveIt) {
  ASSERT_TRUE(Create(*accounts_, "acme", "size", 7).ok());
  v1::CreateAccountRequest request;
  request.set_account_id("zeta");
  request.mutable_account()->set_display_name("zeta");
  (*request.mutable_account()->mutable_attributes())["size"].set_text("large");
  v1::CreateAccountResponse response;
  const grpc::Status refused = Send(*other_accounts_, &v1::AccountService::Stub::CreateAccount, request, &response);
  EXPECT_EQ(BadFields(refused), std::vector<std::string>{"account.attributes.size"});
  EXPECT_TRUE(Create(*other_accounts_, "zeta", "size", 8).ok());
}

TEST_F(ReplicasTest, AnIdIsTakenForBoth) {
  ASSERT_TRUE(Create(*accounts_, "acme", "size", 7).ok());
  EXPECT_EQ(Create(*other_accounts_, "acme", "size", 8).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(ReplicasTest, ARequestThatBothGetTakesEffectOnce) {
  CreateAccount("acme");
  std::vector<std::thread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&, i] {
      v1::UpdateAccountRequest request;
      request.set_request_id("one");
      request.mutable_account()->set_name("accounts/acme");
      request.mutable_account()->set_owner("ann@example.com");
      v1::UpdateAccountResponse response;
      v1::AccountService::Stub& stub = i % 2 == 0 ? *accounts_ : *other_accounts_;
      const grpc::Status status = Send(stub, &v1::AccountService::Stub::UpdateAccount, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(response.account().etag(), "\"v2\"");
    });
  }
  for (std::thread& thread : threads) thread.join();
  // Another owner meanwhile, and it is not taken back.
  v1::UpdateAccountRequest other;
  other.mutable_account()->set_name("accounts/acme");
  other.mutable_account()->set_owner("bob@example.com");
  ASSERT_TRUE(Update(other).ok());
  v1::UpdateAccountRequest again;
  again.set_request_id("one");
  again.mutable_account()->set_name("accounts/acme");
  again.mutable_account()->set_owner("ann@example.com");
  v1::UpdateAccountResponse response;
  ASSERT_TRUE(Send(*other_accounts_, &v1::AccountService::Stub::UpdateAccount, again, &response).ok());
  EXPECT_EQ(response.account().owner(), "bob@example.com");
}

TEST_F(ReplicasTest, AWatchGoesOnWithTheOtherWhereItsServerStopped) {
  CreateAccount("acme");
  FeedFollower first(*other_facts_);
  while (!first.rows_.contains("acme")) ASSERT_TRUE(first.ReadOne());
  v1::WatchFactsRequest request;
  request.set_start_revision(first.revision_);
  other_->Stop();
  CreateAccount("zeta");
  FeedFollower second(*facts_, request);
  while (!second.rows_.contains("zeta")) ASSERT_TRUE(second.ReadOne());
  EXPECT_FALSE(second.rows_.contains("acme"));
}

}  // namespace
}  // namespace perennial::accounts::testing
