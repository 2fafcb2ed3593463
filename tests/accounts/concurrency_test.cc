// Many clients at once: one winner, no lost update, no reader that holds up others.
#include <barrier>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/accounts/feed_follower.h"

namespace perennial::accounts::testing {
namespace {

class ConcurrencyTest : public ServerTest {
 protected:
  // Runs `body` on so many threads, which all begin at the same moment. How often each code was answered.
  static std::map<grpc::StatusCode, int> AtOnce(int threads, const std::function<grpc::Status(int)>& body) {
    std::barrier ready(threads);
    std::vector<grpc::StatusCode> codes(static_cast<std::size_t>(threads));
    std::vector<std::thread> all;
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&, i] {
        ready.arrive_and_wait();
        codes[static_cast<std::size_t>(i)] = body(i).error_code();
      });
    }
    for (std::thread& thread : all) thread.join();
    std::map<grpc::StatusCode, int> counts;
    for (const grpc::StatusCode code : codes) ++counts[code];
    return counts;
  }
  using Counts = std::map<grpc::StatusCode, int>;

  v1::UpdateAccountRequest OwnerOf(const std::string& id, const std::string& owner, const std::string& etag) {
    v1::UpdateAccountRequest request;
    request.mutable_account()->set_name("accounts/" + id);
    request.mutable_account()->set_owner(owner);
    request.mutable_account()->set_etag(etag);
    request.mutable_update_mask()->add_paths("owner");
    return request;
  }
};

TEST_F(ConcurrencyTest, ExactlyOneOf64CreationsOfAnIdWins) {
  const Counts counts = AtOnce(64, [&](int i) {
    v1::CreateAccountRequest request;
    request.set_account_id("acme");
    request.mutable_account()->set_display_name(absl::StrCat("Acme ", i));
    return Create(request);
  });
  EXPECT_EQ(counts, (Counts{{grpc::StatusCode::OK, 1}, {grpc::StatusCode::ALREADY_EXISTS, 63}}));
  EXPECT_EQ(GetAccount("acme").etag(), "\"v1\"");
}

TEST_F(ConcurrencyTest, ExactlyOneOf64CreationsOfASubscriptionWins) {
  CreateAccount("acme");
  const Counts counts = AtOnce(64, [&](int i) { return Create(SubscriptionOf("acme", "s", absl::StrCat(100 + i))); });
  EXPECT_EQ(counts, (Counts{{grpc::StatusCode::OK, 1}, {grpc::StatusCode::ALREADY_EXISTS, 63}}));
}

TEST_F(ConcurrencyTest, TheSameRecordFrom64SendersCountsOnce) {
  CreateAccount("acme");
  std::atomic<int> stored = 0;
  std::atomic<int> duplicates = 0;
  const v1::Record record = Usage("acme", "r1", "logins", 5);
  AtOnce(64, [&](int) {
    v1::BatchSummary summary;
    const grpc::Status status = Write({record}, &summary);
    stored += static_cast<int>(summary.stored());
    duplicates += static_cast<int>(summary.duplicates());
    return status;
  });
  EXPECT_EQ(stored, 1);
  EXPECT_EQ(duplicates, 63);
  EXPECT_EQ(Fact("acme", "usage.logins.sum_7d"), "number: 5");
}

// A counter in the owner's name, raised by reading it and writing it back with its etag.
TEST_F(ConcurrencyTest, IncrementsUnderAnEtagLoseNoUpdateAndLosersAreAborted) {
  constexpr int kClients = 12;
  constexpr int kEach = 6;
  CreateAccount("acme");
  ASSERT_TRUE(Update(OwnerOf("acme", "0", "")).ok());
  std::atomic<int> aborted = 0;
  const Counts counts = AtOnce(kClients, [&](int) -> grpc::Status {
    for (int done = 0; done < kEach;) {
      const v1::Account account = GetAccount("acme");
      const grpc::Status status = Update(OwnerOf("acme", absl::StrCat(std::stoi(account.owner()) + 1), account.etag()));
      if (status.ok()) {
        ++done;
      } else if (status.error_code() == grpc::StatusCode::ABORTED) {
        ++aborted;
      } else {
        return status;
      }
    }
    return grpc::Status::OK;
  });
  EXPECT_EQ(counts, (Counts{{grpc::StatusCode::OK, kClients}}));
  EXPECT_EQ(GetAccount("acme").owner(), absl::StrCat(kClients * kEach));
  EXPECT_GT(aborted, 0) << "nobody was in anybody's way";
}

TEST_F(ConcurrencyTest, OfDeletionsExactlyOneWinsAndUpdatesBesideThemEndWellOrNotFound) {
  CreateAccount("acme");
  std::atomic<int> deleted = 0;
  const Counts counts = AtOnce(32, [&](int i) {
    const grpc::Status status = i % 2 == 0 ? Delete("acme") : Update(OwnerOf("acme", absl::StrCat("o", i), ""));
    if (i % 2 == 0 && status.ok()) ++deleted;
    return status;
  });
  EXPECT_EQ(deleted, 1);
  for (const auto& [code, count] : counts) {
    EXPECT_TRUE(code == grpc::StatusCode::OK || code == grpc::StatusCode::NOT_FOUND) << code << " " << count;
  }
  EXPECT_TRUE(GetAccount("acme").has_delete_time());
}

TEST_F(ConcurrencyTest, ExactlyOneOf64UndeletionsWins) {
  CreateAccount("acme");
  ASSERT_TRUE(Delete("acme").ok());
  const Counts counts = AtOnce(64, [&](int) { return Undelete("acme"); });
  EXPECT_EQ(counts, (Counts{{grpc::StatusCode::OK, 1}, {grpc::StatusCode::ALREADY_EXISTS, 63}}));
  EXPECT_FALSE(GetAccount("acme").has_delete_time());
}

// A page token names the last account of its page, so that whatever is written meanwhile neither hides one that was there all
// the time nor shows one twice.
TEST_F(ConcurrencyTest, PagesShowEachAccountThatWasThereAllTheTimeExactlyOnceWhileOthersComeAndGo) {
  for (int i = 0; i < 30; ++i) CreateAccount(absl::StrCat("stays", 10 + i));
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      const std::string id = absl::StrCat(i % 2 == 0 ? "s" : "t", i);
      CreateAccount(id);
      if (i % 3 == 0) {
        EXPECT_TRUE(Delete(id).ok());
      }
      EXPECT_TRUE(Update(OwnerOf(absl::StrCat("stays", 10 + i % 30), absl::StrCat("o", i), "")).ok());
    }
  });
  for (int round = 0; round < 5; ++round) {
    std::map<std::string, int> seen;
    v1::ListAccountsRequest request;
    request.set_page_size(4);
    do {
      v1::ListAccountsResponse response;
      const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::ListAccounts, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      for (const v1::Account& account : response.accounts()) ++seen[account.name()];
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    for (int i = 0; i < 30; ++i) EXPECT_EQ(seen[absl::StrCat("accounts/stays", 10 + i)], 1);
    for (const auto& [name, count] : seen) EXPECT_EQ(count, 1) << name;
  }
  stop = true;
  writer.join();
}

// What a stalled reader has not read stays in the store, compacted: it holds up no writer, no other reader, and comes to the
// newest state in far fewer rows than there were changes.
TEST_F(ConcurrencyTest, AStalledWatchHoldsUpNobodyAndCatchesUpCompacted) {
  constexpr int kAccounts = 50;
  constexpr int kRounds = 40;
  for (int i = 0; i < kAccounts; ++i) CreateAccount(absl::StrCat("a", i));
  FeedFollower stalled(*facts_);
  ASSERT_TRUE(stalled.ReadOne());
  FeedFollower busy(*facts_);
  std::int64_t revision = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<v1::Record> records;
    for (int i = 0; i < kAccounts; ++i) {
      records.push_back(Usage(absl::StrCat("a", i), absl::StrCat("r", round), absl::StrCat("m", round % 7)));
    }
    revision = Write(records).revision();
    busy.ReadUntil(revision);
  }
  stalled.ReadUntil(revision);
  EXPECT_EQ(stalled.rows_, busy.rows_);
  EXPECT_GE(revision, kAccounts * kRounds);
  EXPECT_LT(stalled.row_count_, revision / 2) << "every change was kept for it";
}

}  // namespace
}  // namespace perennial::accounts::testing
