// FactService.WatchFacts over the wire.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "tests/accounts/feed_follower.h"

namespace perennial::accounts::testing {
namespace {

class WatchFactsTest : public ServerTest {
 protected:
  grpc::Status WatchStatus(const v1::WatchFactsRequest& request) {
    FeedFollower follower(*facts_, request);
    EXPECT_FALSE(follower.ReadOne());
    return follower.Finish();
  }
  static v1::WatchFactsRequest From(std::int64_t revision) {
    v1::WatchFactsRequest request;
    request.set_start_revision(revision);
    return request;
  }
};

TEST_F(WatchFactsTest, AnEmptyFeedAnswersWithTheCatalogueAndSaysThatItIsCaughtUp) {
  FeedFollower follower(*facts_);
  ASSERT_TRUE(follower.ReadOne());
  EXPECT_TRUE(follower.caught_up_);
  EXPECT_EQ(follower.revision_, 0);
  EXPECT_GE(follower.definitions_.size(), 60U);
}

TEST_F(WatchFactsTest, SendsWhatIsThereAndThenEachChange) {
  CreateAccount("a");
  FeedFollower follower(*facts_);
  follower.ReadUntil(1);
  EXPECT_EQ(follower.rows_.at("a"), FactsOf("a"));
  const std::int64_t revision = Write({Usage("a", "1", "logins", 4)}).revision();
  follower.ReadUntil(revision);
  EXPECT_EQ(follower.rows_.at("a"), FactsOf("a"));
  EXPECT_EQ(follower.rows_.at("a").at("usage.logins.sum_7d"), "number: 4");
}

// A server that waits a moment only for its readers, and says how many it has.
class SleepingReaderTest : public WatchFactsTest {
 protected:
  void SetUp() override {
    auto server = AccountsServer::Start({.server = {.metrics = &metrics_},
                                         .data = folder_.path(),
                                         .database = DatabaseFor(folder_.path()),
                                         .longest_watch_stall = std::chrono::seconds(1)},
                                        clock_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = server_->InProcessChannel();
    accounts_ = v1::AccountService::NewStub(channel_);
    ingest_ = v1::IngestService::NewStub(channel_);
    facts_ = v1::FactService::NewStub(channel_);
  }
  void TearDown() override { server_ = nullptr; }
  bool NobodyWatches() {
    return absl::StrContains(metrics_.Text(), "\nperennial_watch_streams 0");
  }

  Metrics metrics_;
};

TEST_F(SleepingReaderTest, IsCutAndGoesOnWhereItWas) {
  CreateAccount("a");
  FeedFollower sleeper(*facts_);
  sleeper.ReadUntil(1);
  ASSERT_FALSE(NobodyWatches());
  std::int64_t revision = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int i = 0; !NobodyWatches() && std::chrono::steady_clock::now() < end; ++i) {
    revision = Write({Usage("a", absl::StrCat(i), "logins")}).revision();
  }
  ASSERT_TRUE(NobodyWatches());
  while (sleeper.ReadOne()) {
  }
  EXPECT_EQ(sleeper.Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_LT(sleeper.revision_, revision);
  FeedFollower again(*facts_, From(sleeper.revision_));
  again.ReadUntil(revision);
  EXPECT_EQ(again.rows_.at("a"), FactsOf("a"));
}

TEST_F(WatchFactsTest, IsCompactedSoThatAnAccountThatChangedOftenIsSentOnce) {
  CreateAccount("a");
  CreateAccount("b");
  std::int64_t revision = 0;
  for (int i = 0; i < 10; ++i) revision = Write({Usage("a", absl::StrCat(i), "logins")}).revision();
  FeedFollower follower(*facts_);
  follower.ReadUntil(revision);
  EXPECT_EQ(follower.row_count_, 2);
  EXPECT_EQ(follower.rows_.at("a").at("usage.logins.sum_7d"), "number: 10");
}

TEST_F(WatchFactsTest, ANewMetricAndANewAttributeAppearByThemselves) {
  CreateAccount("a");
  FeedFollower follower(*facts_);
  follower.ReadUntil(1);
  const std::size_t before = follower.definitions_.size();
  follower.ReadUntil(Write({Usage("a", "1", "exports")}).revision());
  EXPECT_EQ(follower.definitions_.size(), before + 8);
  v1::UpdateAccountRequest update;
  update.mutable_account()->set_name("accounts/a");
  (*update.mutable_account()->mutable_attributes())["industry"].set_text("retail");
  v1::Account account;
  ASSERT_TRUE(Update(update, &account).ok());
  follower.ReadUntil(account.revision());
  EXPECT_EQ(follower.rows_.at("a").at("attributes.industry"), "text: \"retail\"");
}

TEST_F(WatchFactsTest, DeletionIsATombstoneAndUndeletionARow) {
  CreateAccount("a");
  FeedFollower follower(*facts_);
  follower.ReadUntil(1);
  ASSERT_TRUE(Delete("a").ok());
  follower.ReadUntil(2);
  EXPECT_EQ(follower.tombstones_.at("a"), 1);
  EXPECT_FALSE(follower.rows_.contains("a"));
  ASSERT_TRUE(Undelete("a").ok());
  follower.ReadUntil(3);
  EXPECT_EQ(follower.rows_.at("a"), FactsOf("a"));
  ASSERT_TRUE(Delete("a").ok());
  FeedFollower late(*facts_);
  late.ReadUntil(4);
  EXPECT_EQ(late.tombstones_.at("a"), 1);
}

TEST_F(WatchFactsTest, ShardsPartitionTheAccountsByTheHashOfTheirId) {
  std::int64_t revision = 0;
  for (int i = 0; i < 40; ++i) revision = CreateAccount(absl::StrCat("a", i)).revision();
  std::set<std::string> seen;
  for (int shard = 0; shard < 3; ++shard) {
    v1::WatchFactsRequest request;
    request.set_shard_count(3);
    request.set_shard_index(shard);
    FeedFollower follower(*facts_, request);
    follower.ReadUntil(revision);
    EXPECT_EQ(follower.revision_, revision) << "progress goes on where a shard has no row";
    for (const auto& [id, facts] : follower.rows_) {
      EXPECT_EQ(Fnv1a64(id) % 3, static_cast<std::uint64_t>(shard));
      EXPECT_TRUE(seen.insert(id).second) << id;
    }
  }
  EXPECT_EQ(seen.size(), 40U);
}

TEST_F(WatchFactsTest, MoreThanOneMessageOfRowsKeepsOrderAndEndsCaughtUp) {
  std::vector<v1::Record> records;
  for (int i = 0; i < 1201; ++i) {
    v1::Record record = RecordOf(absl::StrCat("a", i), "");
    record.mutable_account_state()->set_display_name("A");
    records.push_back(record);
  }
  const std::int64_t revision = Write(records).revision();
  FeedFollower follower(*facts_);
  follower.ReadUntil(revision);
  EXPECT_EQ(follower.rows_.size(), 1201U);
  EXPECT_GE(follower.messages_, 3);
}

TEST_F(WatchFactsTest, ARevisionThatWasNeverGivenOutIsOutOfRange) {
  CreateAccount("a");
  EXPECT_EQ(WatchStatus(From(2)).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  FeedFollower follower(*facts_, From(1));
  ASSERT_TRUE(follower.ReadOne());
  EXPECT_TRUE(follower.caught_up_);
  EXPECT_EQ(follower.row_count_, 0);
}

TEST_F(WatchFactsTest, NamesEveryBadField) {
  v1::WatchFactsRequest request = From(-1);
  request.set_shard_count(1025);
  request.set_shard_index(-1);
  EXPECT_EQ(BadFields(WatchStatus(request)),
            (std::vector<std::string>{"shard_count", "shard_index", "start_revision"}));
  request = {};
  request.set_shard_index(1);
  EXPECT_EQ(BadFields(WatchStatus(request)), std::vector<std::string>{"shard_index"});
}

TEST_F(WatchFactsTest, DrainingEndsTheFeedWithUnavailableAndItIsResumedAfterARestart) {
  CreateAccount("a");
  FeedFollower follower(*facts_);
  follower.ReadUntil(1);
  std::thread stopper([&] { server_->Stop(); });
  EXPECT_FALSE(follower.ReadOne());
  EXPECT_EQ(follower.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
  StartServer();
  CreateAccount("b");
  FeedFollower resumed(*facts_, From(follower.revision_));
  resumed.ReadUntil(2);
  EXPECT_EQ(resumed.row_count_, 1);
  EXPECT_EQ(resumed.rows_.at("b"), FactsOf("b"));
}

TEST_F(WatchFactsTest, ReadersThatLeaveInTheMiddleLeaveTheServerWell) {
  for (int i = 0; i < 20; ++i) CreateAccount(absl::StrCat("a", i));
  std::vector<std::thread> threads;
  for (int reader = 0; reader < 4; ++reader) {
    threads.emplace_back([&, reader] {
      for (int round = 0; round < 25; ++round) {
        FeedFollower follower(*facts_);
        if ((reader + round) % 2 == 0) {
          EXPECT_TRUE(follower.ReadOne());
        }
        Write({Usage("a1", absl::StrCat(reader, "-", round), "logins")});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  FeedFollower follower(*facts_);
  follower.ReadUntil(GetAccount("a1").revision());
  EXPECT_EQ(follower.rows_.at("a1").at("usage.logins.sum_7d"), "number: 100");
}

}  // namespace
}  // namespace perennial::accounts::testing
