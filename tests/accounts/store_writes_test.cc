// Transactions of a store: all or nothing, many writers, commits that are shared, reopening.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

// Records commits; refuses those that touch `refused`.
class RecordingHook final : public CommitHook {
 public:
  absl::Status BeforeCommit(WriteTransaction& transaction, const std::set<AccountNo>& touched) override {
    if (throws) throw std::runtime_error("from the hook");
    if (touched.contains(refused)) return absl::InternalError("refused");
    for (const AccountNo no : touched) {
      const auto revision = transaction.PutFacts(no, {.account_id = absl::StrCat("a", no), .as_of = absl::UnixEpoch()});
      if (!revision.ok()) return revision.status();
    }
    return absl::OkStatus();
  }
  void AfterCommit(std::int64_t revision) override {
    last_revision = revision;
    ++commits;
  }

  std::atomic<AccountNo> refused = -1;
  std::atomic<bool> throws = false;
  std::atomic<std::int64_t> last_revision = 0;
  std::atomic<int> commits = 0;
};

class WriteStoreTest : public StoreTest {
 protected:
  // Keeps the one writer busy until Release(), so that writes queue up into one commit.
  void Hold() {
    holder_ = std::thread([this] {
      Write([this](WriteTransaction&) {
        std::unique_lock lock(mu_);
        held_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return released_; });
        return absl::OkStatus();
      });
    });
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return held_; });
  }
  void Release() {
    {
      const std::lock_guard lock(mu_);
      released_ = true;
    }
    changed_.notify_all();
    holder_.join();
  }
  std::string Setting(const std::string& key) {
    return Read([&](ReadTransaction& transaction) { return transaction.GetSetting(key); });
  }
  // Writes a setting for each key at once, each from its own thread; the body of `failing` fails after its write.
  std::map<std::string, absl::Status> WriteAtOnce(
      const std::vector<std::string>& keys, const std::string& failing,
      const std::function<void(WriteTransaction&, const std::string&)>& also) {
    std::map<std::string, absl::Status> outcomes;
    std::mutex mu;
    std::vector<std::thread> threads;
    std::atomic<std::size_t> started = 0;
    Hold();
    for (const std::string& key : keys) {
      threads.emplace_back([&, key] {
        ++started;
        const absl::Status status = store_
                                        ->Write([&](WriteTransaction& transaction) -> absl::Status {
                                          also(transaction, key);
                                          const absl::Status put = transaction.PutSetting(key, "here");
                                          return key == failing ? absl::AbortedError("on purpose") : put;
                                        })
                                        .status();
        const std::lock_guard lock(mu);
        outcomes[key] = status;
      });
    }
    while (started < keys.size()) std::this_thread::yield();
    Release();
    for (std::thread& thread : threads) thread.join();
    return outcomes;
  }

  RecordingHook hook_;

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  bool held_ = false;
  bool released_ = false;
  std::thread holder_;
};

INSTANTIATE_TEST_SUITE_P(All, WriteStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

TEST_P(WriteStoreTest, AFailingBodyLeavesNothing) {
  const auto status = store_
                          ->Write([](WriteTransaction& transaction) -> absl::Status {
                            AccountRecord account = Account("acme");
                            EXPECT_TRUE(transaction.InsertAccount(account).ok());
                            return absl::AbortedError("on purpose");
                          })
                          .status();
  EXPECT_EQ(status, absl::AbortedError("on purpose"));
  EXPECT_EQ(Find("acme"), std::nullopt);
}

TEST_P(WriteStoreTest, AnExceptionOfABodyIsAnErrorAndLeavesNothing) {
  const auto status = store_
                          ->Write([](WriteTransaction& transaction) -> absl::Status {
                            EXPECT_TRUE(transaction.PutSetting("k", "v").ok());
                            throw std::runtime_error("on purpose");
                          })
                          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Setting("k"), "");
}

TEST_P(WriteStoreTest, OneFailingBodyDoesNotAffectOthersOfTheSameCommit) {
  const auto outcomes = WriteAtOnce({"a", "b", "c"}, "b", [](WriteTransaction&, const std::string&) {});
  EXPECT_TRUE(outcomes.at("a").ok());
  EXPECT_EQ(outcomes.at("b").code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(outcomes.at("c").ok());
  EXPECT_EQ(Setting("a"), "here");
  EXPECT_EQ(Setting("b"), "");
  EXPECT_EQ(Setting("c"), "here");
}

TEST_P(WriteStoreTest, AWriteThatTheHookRefusesDoesNotAffectOthersOfTheSameCommit) {
  const AccountNo no = Insert("acme");
  store_->SetCommitHook(hook_);
  hook_.refused = no;
  const auto outcomes = WriteAtOnce({"a", "b", "c"}, "", [&](WriteTransaction& transaction, const std::string& key) {
    if (key == "b") transaction.Touch(no);
  });
  EXPECT_TRUE(outcomes.at("a").ok());
  EXPECT_EQ(outcomes.at("b"), absl::InternalError("refused"));
  EXPECT_TRUE(outcomes.at("c").ok());
  EXPECT_EQ(Setting("a"), "here");
  EXPECT_EQ(Setting("b"), "");
}

TEST_P(WriteStoreTest, AnExceptionOfTheHookFailsTheWriteAndTheStoreGoesOn) {
  store_->SetCommitHook(hook_);
  hook_.throws = true;
  EXPECT_EQ(
      store_->Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "1"); }).status().code(),
      absl::StatusCode::kInternal);
  hook_.throws = false;
  EXPECT_EQ(Setting("k"), "");
  Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "2"); });
  EXPECT_EQ(Setting("k"), "2");
}

TEST_P(WriteStoreTest, TheHookSeesWhatWasTouchedAndTheRevisionOfTheCommit) {
  const AccountNo no = Insert("acme");
  store_->SetCommitHook(hook_);
  const std::int64_t revision = Write([&](WriteTransaction& transaction) {
    transaction.Touch(no);
    transaction.Touch(no);
    return absl::OkStatus();
  });
  EXPECT_EQ(revision, 1);
  EXPECT_EQ(hook_.last_revision, 1);
  EXPECT_EQ(hook_.commits, 1);
}

TEST_P(WriteStoreTest, EightWritersLoseNoUpdate) {
  constexpr int kWriters = 8;
  constexpr int kWrites = 50;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&] {
      for (int i = 0; i < kWrites; ++i) {
        Write([](WriteTransaction& transaction) -> absl::Status {
          const auto value = transaction.GetSetting("count");
          if (!value.ok()) return value.status();
          return transaction.PutSetting("count", absl::StrCat(std::atoi(value->c_str()) + 1));
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Setting("count"), "400");
}

TEST_P(WriteStoreTest, ExactlyOneOfEightInsertsOfAnIdWins) {
  std::atomic<int> won = 0;
  std::atomic<int> exists = 0;
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 8; ++writer) {
    threads.emplace_back([&] {
      AccountRecord account = Account("acme");
      const absl::Status status =
          store_->Write([&](WriteTransaction& transaction) { return transaction.InsertAccount(account); }).status();
      if (status.ok()) ++won;
      if (absl::IsAlreadyExists(status)) ++exists;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(exists, 7);
}

TEST_P(WriteStoreTest, ManyWritesAtOnceAreEachAnswered) {
  store_->SetCommitHook(hook_);
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.push_back(absl::StrCat("k", i));
  const auto outcomes = WriteAtOnce(keys, "", [](WriteTransaction&, const std::string&) {});
  for (const auto& [key, status] : outcomes) EXPECT_TRUE(status.ok()) << key << status;
  for (const std::string& key : keys) EXPECT_EQ(Setting(key), "here");
}

TEST_P(WriteStoreTest, AReaderSeesOneStateWhileOthersWrite) {
  Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "old"); });
  std::string before;
  std::string after;
  const absl::Status status = store_->Read([&](ReadTransaction& transaction) -> absl::Status {
    before = transaction.GetSetting("k").value();
    std::thread([&] { Write([](WriteTransaction& write) { return write.PutSetting("k", "new"); }); }).join();
    after = transaction.GetSetting("k").value();
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(before, "old");
  EXPECT_EQ(after, "old");
  EXPECT_EQ(Setting("k"), "new");
}

TEST_P(WriteStoreTest, ReadersThatThrowDoNotUseTheReadersUp) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW((void)store_->Read([](ReadTransaction&) -> absl::Status { throw std::runtime_error("on purpose"); }),
                 std::runtime_error);
  }
  EXPECT_EQ(Setting("k"), "");
}

TEST_P(WriteStoreTest, WhatWasWrittenIsThereAfterReopening) {
  const AccountNo no = Insert("acme");
  Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "v"); });
  Open();
  EXPECT_EQ(Find("acme")->no, no);
  EXPECT_EQ(Setting("k"), "v");
}

TEST_P(WriteStoreTest, RevisionsAreNeverReusedAfterReopening) {
  const AccountNo no = Insert("acme");
  store_->SetCommitHook(hook_);
  const auto touch = [&] {
    return Write([&](WriteTransaction& transaction) {
      transaction.Touch(no);
      return absl::OkStatus();
    });
  };
  EXPECT_EQ(touch(), 1);
  EXPECT_EQ(touch(), 2);
  Open();
  store_->SetCommitHook(hook_);
  EXPECT_EQ(touch(), 3);
}

TEST_P(WriteStoreTest, ASecondOpenOfTheSameFolderIsRefused) {
  if (store_->shared()) GTEST_SKIP() << "several processes may share this kind of store";
  const auto second = GetParam().open(folder_.path());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store_->Write([](WriteTransaction& transaction) { return transaction.PutSetting("k", "v"); }).ok());
}

}  // namespace
}  // namespace perennial::accounts::testing
