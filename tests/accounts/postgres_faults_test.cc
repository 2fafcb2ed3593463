// What the store does when PostgreSQL fails under it.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "accounts-svc/store/sql_store.h"
#include "tests/accounts/store_fixture.h"
#include "tests/testing/postgres_fixture.h"

namespace perennial::accounts::testing {
namespace {

using perennial::testing::PostgresCluster;

std::unique_ptr<SqlStore> OpenOn(PostgresCluster& cluster) {
  auto store = SqlStore::OpenPostgres({.connection = cluster.Connection("faults")});
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// Two stores, as of two processes, write while the server is killed and started again.
TEST(PostgresFaultsTest, NothingAcknowledgedIsLostWhenTheServerIsKilledUnderTwoWriters) {
  PostgresCluster cluster(PostgresCluster::Durable::kYes);
  constexpr int kRounds = 3;
  constexpr int kWanted = 40;  // acknowledged in each round
  const std::unique_ptr<SqlStore> stores[] = {OpenOn(cluster), OpenOn(cluster)};
  std::set<std::string> acknowledged;
  std::set<std::string> tried;
  std::mutex mu;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> written = 0;
    std::atomic<bool> killed = false;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        for (int i = 0;; ++i) {
          const std::string key = absl::StrCat(round, "/", writer, "/", i);
          {
            const std::lock_guard lock(mu);
            tried.insert(key);
          }
          const auto revision = stores[writer % 2]->Write(
              [&](WriteTransaction& transaction) { return transaction.PutSetting(key, "v"); });
          if (!revision.ok()) {
            EXPECT_EQ(revision.status().code(), absl::StatusCode::kUnavailable) << revision.status();
            if (killed) return;
            continue;
          }
          const std::lock_guard lock(mu);
          acknowledged.insert(key);
          ++written;
        }
      });
    }
    while (written < kWanted) std::this_thread::yield();
    cluster.Kill();
    killed = true;
    for (std::thread& writer : writers) writer.join();
    cluster.Start();
  }
  ASSERT_TRUE(stores[0]
                  ->Read([&](ReadTransaction& transaction) -> absl::Status {
                    for (const std::string& key : acknowledged) EXPECT_EQ(*transaction.GetSetting(key), "v") << key;
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_GE(acknowledged.size(), static_cast<std::size_t>(kRounds * kWanted));
  // Nothing came into being that nobody asked for.
  const int stored = std::atoi(cluster.Ask("SELECT count(*) FROM faults.settings").c_str());
  EXPECT_GE(static_cast<std::size_t>(stored), acknowledged.size());
  EXPECT_LE(static_cast<std::size_t>(stored), tried.size());
}

TEST(PostgresFaultsTest, ReadsAndWritesAreUnavailableWhileTheServerIsDownAndGoOnAfterIt) {
  PostgresCluster cluster(PostgresCluster::Durable::kYes);
  const std::unique_ptr<SqlStore> store = OpenOn(cluster);
  const auto write = [&] {
    return store->Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "v"); }).status();
  };
  const auto read = [&] {
    return store->Read([](ReadTransaction& transaction) { return transaction.GetSetting("k").status(); });
  };
  EXPECT_TRUE(write().ok());
  EXPECT_TRUE(read().ok());
  cluster.Stop();
  EXPECT_EQ(write().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(read().code(), absl::StatusCode::kUnavailable);
  cluster.Start();
  EXPECT_TRUE(write().ok());
  EXPECT_TRUE(read().ok());
}

}  // namespace
}  // namespace perennial::accounts::testing
