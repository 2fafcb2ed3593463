// The audit trail of a store.
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

using Ids = std::vector<std::string>;

class AuditStoreTest : public StoreTest {
 protected:
  static AuditedChange Entry(const std::string& id, const std::string& resource, absl::Time time) {
    return {.id = id,
            .time = time,
            .caller = "ada",
            .method = "perennial.accounts.v1.AccountService/UpdateAccount",
            .resource = resource,
            .old_value = "{\"was\":\"" + id + "\"}",
            .new_value = "{\"is\":\"" + id + "\"}",
            .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"};
  }
  void Put(const AuditedChange& entry) {
    Write([&](WriteTransaction& transaction) { return transaction.PutAuditEntry(entry); });
  }
  std::vector<AuditedChange> List(const AuditQuery& query) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListAuditEntries(query); });
  }
  Ids ListIds(const AuditQuery& query) {
    Ids ids;
    for (const AuditedChange& entry : List(query)) ids.push_back(entry.id);
    return ids;
  }
  const absl::Time t0_ = At("2024-05-01T12:00:00Z");
};

TEST_P(AuditStoreTest, KeepsAllOfAnEntry) {
  AuditedChange entry = Entry("e1", "accounts/acme", t0_ + absl::Microseconds(7));
  entry.old_value = "\"quotes\" '; DROP TABLE accounts; -- %s \\ \n \xE2\x82\xAC";
  Put(entry);
  EXPECT_EQ(List({.limit = 10}), std::vector<AuditedChange>{entry});
}

TEST_P(AuditStoreTest, AnEntryIsWrittenOnceAndNeverChanged) {
  const AuditedChange entry = Entry("e1", "accounts/acme", t0_);
  Put(entry);
  AuditedChange again = entry;
  again.caller = "mallory";
  again.new_value = "";
  Put(again);
  EXPECT_EQ(List({.limit = 10}), std::vector<AuditedChange>{entry});
}

TEST_P(AuditStoreTest, ListsTheNewestFirstAndThoseOfOneMomentById) {
  Put(Entry("a", "accounts/acme", t0_));
  Put(Entry("c", "accounts/acme", t0_ + absl::Seconds(1)));
  Put(Entry("b", "accounts/acme", t0_ + absl::Seconds(1)));
  Put(Entry("d", "accounts/acme", t0_ - absl::Seconds(1)));
  EXPECT_EQ(ListIds({.limit = 10}), (Ids{"c", "b", "a", "d"}));
  EXPECT_EQ(ListIds({.limit = 2}), (Ids{"c", "b"}));
  EXPECT_EQ(ListIds({.before_time = t0_ + absl::Seconds(1), .before_id = "c", .limit = 10}), (Ids{"b", "a", "d"}));
}

TEST_P(AuditStoreTest, AResourceIsAllThatIsBelowItAndNothingBeside) {
  Put(Entry("a", "accounts/acme", t0_));
  Put(Entry("b", "accounts/acme/goals/q3", t0_));
  Put(Entry("c", "accounts/acme0", t0_));
  Put(Entry("d", "accounts/acme-2", t0_));
  Put(Entry("e", "accounts/ACME", t0_));
  EXPECT_EQ(ListIds({.resource = "accounts/acme", .limit = 10}), (Ids{"b", "a"}));
  EXPECT_EQ(ListIds({.resource = "accounts", .limit = 10}), (Ids{"e", "d", "c", "b", "a"}));
}

TEST_P(AuditStoreTest, TellsCallersAndTimesApart) {
  AuditedChange other = Entry("b", "accounts/acme", t0_ + absl::Seconds(5));
  other.caller = "Ada";
  Put(Entry("a", "accounts/acme", t0_));
  Put(other);
  EXPECT_EQ(ListIds({.caller = "ada", .limit = 10}), (Ids{"a"}));
  EXPECT_EQ(ListIds({.begin = t0_ + absl::Seconds(5), .limit = 10}), (Ids{"b"}));
  EXPECT_EQ(ListIds({.end = t0_ + absl::Seconds(5), .limit = 10}), (Ids{"a"}));
}

TEST_P(AuditStoreTest, ErasingContentLeavesThatSomethingWasChanged) {
  Put(Entry("a", "accounts/acme", t0_));
  Put(Entry("b", "accounts/acme/goals/q3", t0_));
  Put(Entry("c", "accounts/other", t0_));
  Write([](WriteTransaction& transaction) { return transaction.EraseAuditedContent("accounts/acme"); });
  const std::vector<AuditedChange> left = List({.limit = 10});
  ASSERT_EQ(left.size(), 3U);
  for (const AuditedChange& entry : left) {
    EXPECT_EQ(entry.caller, "ada");
    EXPECT_EQ(entry.old_value.empty(), entry.id != "c") << entry.id;
    EXPECT_EQ(entry.new_value.empty(), entry.id != "c") << entry.id;
  }
}

TEST_P(AuditStoreTest, AnEntryGoesWithTheWriteThatFails) {
  const auto written = store_->Write([&](WriteTransaction& transaction) -> absl::Status {
    if (const absl::Status status = transaction.PutAuditEntry(Entry("a", "accounts/acme", t0_)); !status.ok()) return status;
    return absl::FailedPreconditionError("no");
  });
  EXPECT_FALSE(written.ok());
  EXPECT_EQ(ListIds({.limit = 10}), Ids{});
}

INSTANTIATE_TEST_SUITE_P(All, AuditStoreTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace perennial::accounts::testing
