#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FlagsTest : public HealthFixture {
 protected:
  // Names of open flags, without "accounts/" and "/flags".
  std::vector<std::string> Open(const std::string& parent = "accounts/-") {
    v1::ListFlagsRequest request;
    request.set_parent(parent);
    std::vector<std::string> names;
    const v1::ListFlagsResponse response = ListFlags(request);
    for (const v1::Flag& flag : response.flags()) {
      const auto slash = flag.name().find('/', 9);
      names.push_back(absl::StrCat(flag.name().substr(9, slash - 9), " ", flag.rule()));
    }
    return names;
  }
};

TEST_F(FlagsTest, RaisesAFlagWithItsCauses) {
  StartReady();
  accounts_.Put("acme", {{"use", 90.0}, {"urgent", 2.0}});
  const v1::ListFlagsResponse flags = ListFlags({});
  ASSERT_EQ(flags.flags_size(), 2);
  EXPECT_EQ(flags.total_size(), 2);
  const v1::Flag& flag = flags.flags(0);
  EXPECT_EQ(flag.name(), "accounts/acme/flags/urgent");
  EXPECT_EQ(flag.severity(), v1::FLAG_SEVERITY_HIGH);
  EXPECT_EQ(flag.state(), v1::FLAG_STATE_OPEN);
  EXPECT_EQ(flag.advice(), "answer it");
  EXPECT_FALSE(flag.has_clear_time());
  EXPECT_EQ(ToTime(flag.raise_time()), clock_.Now());
  ASSERT_EQ(flag.causes_size(), 1);
  EXPECT_EQ(flag.causes(0).fact(), "urgent");
  EXPECT_EQ(flag.causes(0).value(), "2");
  EXPECT_THAT(Current("acme").open_flags(), ElementsAre("not-green", "urgent"));
}

TEST_F(FlagsTest, ReadsTheScoreOfTheSameMoment) {
  StartReady();
  accounts_.Put("acme", {{"use", 10.0}});
  EXPECT_THAT(Open(), ElementsAre("acme not-green"));
  accounts_.Put("acme", {{"use", 90.0}});
  EXPECT_THAT(Open(), IsEmpty());
}

TEST_F(FlagsTest, DoesNotRaiseForWhatIsUnknown) {
  StartReady();
  accounts_.Put("acme", {});
  EXPECT_THAT(Open(), IsEmpty()) << "an unknown band is not known to be other than green";
}

TEST_F(FlagsTest, IsRaisedOnce) {
  StartReady();
  accounts_.Put("acme", {{"urgent", 1.0}});
  const auto first = ListFlags({}).flags(0).raise_time();
  clock_.Advance(absl::Hours(1));
  accounts_.Put("acme", {{"urgent", 5.0}});
  const v1::Flag flag = ListFlags({}).flags(0);
  EXPECT_EQ(ToTime(flag.raise_time()), ToTime(first));
  EXPECT_EQ(flag.causes(0).value(), "1") << "what the rule read when it was raised";
}

TEST_F(FlagsTest, ShowsClearedFlagsWhenAsked) {
  StartReady();
  accounts_.Put("acme", {{"urgent", 1.0}});
  ASSERT_THAT(Open(), ElementsAre("acme urgent"));
  clock_.Advance(absl::Hours(1));
  accounts_.Put("acme", {{"urgent", 0.0}});
  EXPECT_THAT(Open(), IsEmpty());
  v1::ListFlagsRequest request;
  request.set_show_cleared(true);
  const v1::ListFlagsResponse flags = ListFlags(request);
  ASSERT_EQ(flags.flags_size(), 1);
  EXPECT_EQ(flags.flags(0).state(), v1::FLAG_STATE_CLEARED);
  EXPECT_EQ(ToTime(flags.flags(0).clear_time()), clock_.Now());
}

TEST_F(FlagsTest, WaitsForTheHoldTimesByTheClockAlone) {
  StartReady();
  accounts_.Put("acme", {{"use", 0.0}, {"said", 100.0}});
  (void)Current("acme");
  clock_.Advance(absl::Minutes(59));
  EXPECT_THAT(Open(), ElementsAre("acme not-green"));
  clock_.Advance(absl::Minutes(1));
  ASSERT_TRUE(Eventually([&] { return Open().size() == 2; }));
  EXPECT_THAT(Open(), ElementsAre("acme unused", "acme not-green"));
  EXPECT_THAT(Current("acme").open_flags(), ElementsAre("not-green", "unused"));

  accounts_.Put("acme", {{"use", 80.0}, {"said", 100.0}});
  EXPECT_THAT(Open(), ElementsAre("acme unused"));
  clock_.Advance(absl::Minutes(10));
  EXPECT_TRUE(Eventually([&] { return Open().empty(); }));
}

TEST_F(FlagsTest, KeepsWaitingOverARestart) {
  StartReady();
  accounts_.Put("acme", {{"use", 0.0}});
  (void)Current("acme");
  clock_.Advance(absl::Minutes(40));
  Restart();
  clock_.Advance(absl::Minutes(19));
  EXPECT_THAT(Open(), ElementsAre("acme not-green"));
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(Eventually([&] { return Open().size() == 2; })) << "an hour since it began to hold";
}

TEST_F(FlagsTest, DoesNotRaiseAfterABreak) {
  StartReady();
  accounts_.Put("acme", {{"use", 0.0}});
  (void)Current("acme");
  clock_.Advance(absl::Minutes(50));
  accounts_.Put("acme", {{"use", 1.0}});
  (void)Current("acme");
  accounts_.Put("acme", {{"use", 0.0}});
  (void)Current("acme");
  clock_.Advance(absl::Minutes(50));
  // The clock's ticks are answered in order: another flag that is due shows that this moment was looked at.
  accounts_.Put("other", {{"urgent", 1.0}});
  EXPECT_THAT(Open(), ElementsAre("other urgent", "acme not-green"));
}

TEST_F(FlagsTest, ListsBySeverityThenAgeOverPages) {
  StartReady();
  accounts_.Put("c", {{"urgent", 1.0}});
  (void)Current("c");
  clock_.Advance(absl::Minutes(1));
  accounts_.Put("a", {{"urgent", 1.0}, {"use", 10.0}});
  accounts_.Put("b", {{"urgent", 1.0}});
  (void)Current("b");
  v1::ListFlagsRequest request;
  request.set_parent("accounts/-");
  request.set_page_size(1);
  std::vector<std::string> names;
  do {
    const v1::ListFlagsResponse response = ListFlags(request);
    EXPECT_EQ(response.total_size(), 4);
    for (const auto& flag : response.flags()) names.push_back(flag.name());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("accounts/c/flags/urgent", "accounts/a/flags/urgent", "accounts/b/flags/urgent",
                                 "accounts/a/flags/not-green"));
}

TEST_F(FlagsTest, ListsByAccountRuleAndFilter) {
  StartReady();
  accounts_.Put("a", {{"urgent", 1.0}, {"use", 10.0}});
  accounts_.Put("b", {{"urgent", 1.0}, {"use", 90.0}});
  EXPECT_THAT(Open("accounts/b"), ElementsAre("b urgent", "b not-green"));
  v1::ListFlagsRequest request;
  request.add_rules("urgent");
  EXPECT_EQ(ListFlags(request).total_size(), 2);
  request.set_filter("use < 50");
  const v1::ListFlagsResponse response = ListFlags(request);
  ASSERT_EQ(response.flags_size(), 1);
  EXPECT_EQ(response.flags(0).name(), "accounts/a/flags/urgent");
  EXPECT_THAT(response.filter_reading().facts(), ElementsAre("use"));
}

TEST_F(FlagsTest, NamesEveryBadField) {
  StartReady();
  v1::ListFlagsRequest request;
  request.set_parent("acme");
  request.set_page_size(-1);
  request.set_page_token("x");
  request.set_filter("(");
  request.add_rules("no-such-rule");
  request.set_min_facts_revision(-1);
  v1::ListFlagsResponse response;
  grpc::Status status = Call(&v1::FlagService::Stub::ListFlags, *flags_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  for (const char* field : {"parent", "page_size", "page_token", "filter", "rules[0]", "min_facts_revision"}) {
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  }
  request.Clear();
  request.set_parent("accounts/nobody");
  status = Call(&v1::FlagService::Stub::ListFlags, *flags_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(FlagsTest, ListsRulesByIdOverPages) {
  StartReady();
  v1::ListFlagRulesRequest request;
  request.set_page_size(2);
  v1::ListFlagRulesResponse response;
  ASSERT_TRUE(Call(&v1::FlagService::Stub::ListFlagRules, *flags_, request, &response).ok());
  ASSERT_EQ(response.rules_size(), 2);
  EXPECT_EQ(response.rules(0).id(), "not-green");
  EXPECT_EQ(response.rules(1).id(), "unused");
  request.set_page_token(response.next_page_token());
  ASSERT_TRUE(Call(&v1::FlagService::Stub::ListFlagRules, *flags_, request, &response).ok());
  ASSERT_EQ(response.rules_size(), 1);
  EXPECT_EQ(response.rules(0).id(), "urgent");
  EXPECT_EQ(response.next_page_token(), "");
}

TEST_F(FlagsTest, NamesEveryBadFieldOfListRules) {
  StartReady();
  v1::ListFlagRulesRequest request;
  request.set_page_size(-1);
  request.set_page_token("x");
  v1::ListFlagRulesResponse response;
  const grpc::Status status = Call(&v1::FlagService::Stub::ListFlagRules, *flags_, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("page_size"));
  EXPECT_THAT(status.error_message(), HasSubstr("page_token"));
}

TEST_F(FlagsTest, EvaluatesARuleOnceItsFactsAppear) {
  rules_ =
      "rules { id: 'no-errors' filter: 'NOT usage.errors.sum_30d:*' severity: FLAG_SEVERITY_LOW "
      "category: FLAG_CATEGORY_RISK }";
  accounts_.Put("a", {{"use", 1.0}});
  StartReady();
  EXPECT_THAT(Open(), IsEmpty()) << "nobody knows usage.errors yet";
  accounts_.Put("b", {{"usage.errors.sum_30d", 3.0}});
  EXPECT_THAT(Open(), ElementsAre("a no-errors")) << "a did not change, but the rule can be read now";
}

TEST_F(FlagsTest, ForgetsTheFlagsOfARuleThatIsNoMore) {
  StartReady();
  accounts_.Put("acme", {{"urgent", 1.0}, {"use", 10.0}});
  ASSERT_THAT(Current("acme").open_flags(), ElementsAre("not-green", "urgent"));
  Stop();
  rules_ = "rules { id: 'urgent' filter: 'urgent > 0' severity: FLAG_SEVERITY_HIGH category: FLAG_CATEGORY_RISK }";
  StartReady();
  EXPECT_THAT(Open(), ElementsAre("acme urgent"));
  EXPECT_THAT(Current("acme").open_flags(), ElementsAre("urgent"));
}

}  // namespace
}  // namespace perennial::health
