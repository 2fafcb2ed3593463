#include "health-svc/store/config_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "health-svc/store/sqlite_health_store.h"
#include "tests/testing/process.h"
#include "tests/testing/status_matchers.h"

namespace perennial::health {
namespace {

using ::perennial::testing::HasCode;
using ::perennial::testing::IsOk;
using ::testing::ElementsAre;

ConfigRevision Revision(const std::string& id, std::int64_t revision, const std::string& body) {
  return {.kind = kScorecardKind,
          .id = id,
          .revision = revision,
          .time = absl::FromUnixMicros(1700000000123456 + revision),
          .author = "ann",
          .note = "it's \"quoted\" -- ünïcode",
          .shipped = revision == 1,
          .deleted = revision == 3,
          .body = body};
}

class ConfigStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    store_.reset();
    health_.reset();
    const std::string path = folder_.path() + "/health.db";
    auto health = SqliteHealthStore::Open(path);
    ASSERT_THAT(health, IsOk());
    health_ = *std::move(health);
    auto store = ConfigStore::Open(path);
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  perennial::testing::TemporaryFolder folder_;
  std::unique_ptr<HealthStore> health_;
  std::unique_ptr<ConfigStore> store_;
};

TEST_F(ConfigStoreTest, KeepsRevisionsAsTheyWereAcrossAReopening) {
  const ConfigRevision first = Revision("a", 1, std::string("\0\xff body", 7));
  const ConfigRevision second = Revision("a", 2, "");
  ASSERT_THAT(store_->Append({first, second}), IsOk());
  Open();
  EXPECT_EQ(*store_->Get(kScorecardKind, "a", 1), first);
  EXPECT_EQ(*store_->Get(kScorecardKind, "a", 2), second);
  EXPECT_THAT(store_->Get(kScorecardKind, "a", 3), HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->Get(kFlagRuleKind, "a", 1), HasCode(absl::StatusCode::kNotFound));
}

TEST_F(ConfigStoreTest, TellsTheNewestOfEachAndAllOfOneNewestFirst) {
  ASSERT_THAT(
      store_->Append({Revision("b", 1, "x"), Revision("a", 1, "x"), Revision("a", 2, "y"), Revision("a", 3, "z")}),
      IsOk());
  const auto newest = *store_->Newest(kScorecardKind);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].revision, 3);
  EXPECT_TRUE(newest[0].deleted);
  EXPECT_EQ(newest[1].id, "b");
  std::vector<std::int64_t> listed;
  const auto older = *store_->List(kScorecardKind, "a", 3, 10);
  for (const ConfigRevision& revision : older) listed.push_back(revision.revision);
  EXPECT_THAT(listed, ElementsAre(2, 1));
}

TEST_F(ConfigStoreTest, NeverChangesARevisionAndStoresAllOrNone) {
  ASSERT_THAT(store_->Append({Revision("a", 1, "x")}), IsOk());
  EXPECT_THAT(store_->Append({Revision("b", 1, "y"), Revision("a", 1, "z")}),
              HasCode(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(store_->Get(kScorecardKind, "a", 1)->body, "x");
  EXPECT_THAT(store_->Get(kScorecardKind, "b", 1), HasCode(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace perennial::health
