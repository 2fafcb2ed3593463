#include <gtest/gtest.h>

#include "common/base/resource_name.h"
#include "tests/testing/status_matchers.h"

namespace perennial {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ResourceNameTest, TakesIdsOfAccounts) {
  for (const std::string& id : {std::string("a"), std::string("A-2e3f37"), std::string("7590-VHVEG"),
                                std::string("a._~-"), std::string(128, 'x')}) {
    EXPECT_THAT(CheckId(id), IsOk()) << id;
  }
  for (const std::string& id : {std::string(""), std::string("-a"), std::string(".a"), std::string("a/b"),
                                std::string("a b"), std::string("ä"), std::string(129, 'x'), std::string("a\0b", 3)}) {
    EXPECT_THAT(CheckId(id), HasCode(kInvalid)) << id;
  }
}

TEST(ResourceNameTest, TakesSlugs) {
  for (const std::string& id : {std::string("a"), std::string("at-risk"), std::string("a1"), std::string(63, 'x')}) {
    EXPECT_THAT(CheckSlug(id), IsOk()) << id;
  }
  for (const std::string& id : {std::string(""), std::string("A"), std::string("1a"), std::string("a-"),
                                std::string("-a"), std::string("a_b"), std::string(64, 'x')}) {
    EXPECT_THAT(CheckSlug(id), HasCode(kInvalid)) << id;
  }
}

TEST(ResourceNameTest, TakesKeys) {
  for (const std::string& key : {std::string("a"), std::string("feature_40"), std::string(64, 'x')}) {
    EXPECT_THAT(CheckKey(key), IsOk()) << key;
  }
  for (const std::string& key : {std::string(""), std::string("A"), std::string("1a"), std::string("a-b"),
                                 std::string("a.b"), std::string(65, 'x')}) {
    EXPECT_THAT(CheckKey(key), HasCode(kInvalid)) << key;
  }
}

TEST(ResourceNameTest, ReadsNames) {
  EXPECT_EQ(IdOf("accounts/acme", "accounts").value(), "acme");
  for (const char* bad : {"", "acme", "accounts/", "account/acme", "accounts/acme/", "accounts/acme/x",
                          "/accounts/acme", "accounts/a b"}) {
    EXPECT_THAT(IdOf(bad, "accounts"), HasCode(kInvalid)) << bad;
  }
}

TEST(ResourceNameTest, ReadsNamesOfChildren) {
  const auto name = ChildOf("accounts/acme/subscriptions/s1", "accounts", "subscriptions");
  ASSERT_THAT(name, IsOk());
  EXPECT_EQ(name->parent, "acme");
  EXPECT_EQ(name->child, "s1");
  for (const char* bad : {"", "accounts/acme", "accounts/acme/subscriptions/", "accounts//subscriptions/s1",
                          "accounts/acme/flags/s1", "accounts/acme/subscriptions/s1/x"}) {
    EXPECT_THAT(ChildOf(bad, "accounts", "subscriptions"), HasCode(kInvalid)) << bad;
  }
}

}  // namespace
}  // namespace perennial
