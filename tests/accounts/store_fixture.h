#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {

// A folder of its own for a test, gone with it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "accounts_test_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One kind of store under test.
struct StoreKind {
  std::string name;
  // Opens the store in a folder, which outlives it; the same folder gives the same data.
  std::function<absl::StatusOr<std::unique_ptr<Store>>(const std::string& folder)> open;
};
void PrintTo(const StoreKind& kind, std::ostream* out);

// The kinds that every store test runs with.
std::vector<StoreKind> StoreKinds();

// What AccountsServerOptions::database is for a server on a folder, in the tests of whole servers.
std::string DatabaseFor(const std::string& folder);

class StoreTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    store_ = nullptr;
    auto store = GetParam().open(folder_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // Runs `body` in a write that must succeed; returns the revision.
  std::int64_t Write(const std::function<absl::Status(WriteTransaction&)>& body) {
    const auto revision = store_->Write(body);
    EXPECT_TRUE(revision.ok()) << revision.status();
    return revision.value_or(-1);
  }
  // What `get` returns in a read; it must succeed.
  template <class Get>
  auto Read(Get get) {
    using Value = typename std::decay_t<decltype(get(std::declval<ReadTransaction&>()))>::value_type;
    Value value{};
    const absl::Status status = store_->Read([&](ReadTransaction& transaction) -> absl::Status {
      auto result = get(transaction);
      if (!result.ok()) return result.status();
      value = *std::move(result);
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return value;
  }

  static AccountRecord Account(const std::string& id) {
    return {.id = id,
            .state = {.display_name = "The " + id},
            .customer_since = At("2023-01-01T00:00:00Z"),
            .create_time = At("2024-01-01T00:00:00Z"),
            .update_time = At("2024-01-01T00:00:00Z")};
  }
  static SubscriptionRecord Subscription(const std::string& id, absl::Time start) {
    return {.id = id, .start = start, .create_time = start, .update_time = start};
  }
  // Stores an account with its first version; returns its number.
  AccountNo Insert(AccountRecord account) {
    Write([&](WriteTransaction& transaction) -> absl::Status {
      if (const absl::Status status = transaction.InsertAccount(account); !status.ok()) return status;
      return transaction.PutAccountVersion(account.no, account.customer_since, account.state);
    });
    return account.no;
  }
  AccountNo Insert(const std::string& id) { return Insert(Account(id)); }
  std::optional<AccountRecord> Find(const std::string& id) {
    return Read([&](ReadTransaction& transaction) { return transaction.FindAccount(id); });
  }

  TempFolder folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace perennial::accounts::testing
