#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/import_row_mapper.h"
#include "cli/mapping_binding.h"
#include "cli/mapping_evaluate.h"
#include "cli/mapping_parser.h"
#include "cli/mapping_shipped.h"
#include "cli/mapping_yaml.h"
#include "common/base/time_util.h"
#include "import_support.h"
#include "tests/testing/status_matchers.h"

namespace perennial::cli {
namespace {

using ::perennial::testing::HasCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// The message of the error that a mapping gives.
std::string ErrorOf(const std::string& text) {
  const auto mapping = ParseMapping(text, "m.yaml");
  EXPECT_THAT(mapping, HasCode(absl::StatusCode::kInvalidArgument));
  return std::string(mapping.status().message());
}

// A mapping of one file whose usage record has the given lines.
std::string Usage(const std::string& lines) {
  return "files:\n"
         "  - file: usage.csv\n"
         "    records:\n"
         "      - kind: usage\n"
         "        account: account\n"
         "        time: day\n"
         "        fields: {metric: metric}\n" +
         lines;
}

TEST(MappingErrorTest, NamesLineKeyAndTheNearestName) {
  EXPECT_THAT(ErrorOf("files:\n  - file: a.csv\n    recrods: []\n"),
              AllOf(StartsWith("m.yaml:3: unknown key 'recrods'; did you mean 'records'? (allowed: file, format,"),
                    HasSubstr("in a file")));
}

TEST(MappingErrorTest, RefusesAnUnknownField) {
  EXPECT_THAT(ErrorOf(Usage("").replace(Usage("").find("{metric: metric}"), 16, "{metrik: metric}")),
              StartsWith("m.yaml:7: unknown key 'metrik'; did you mean 'metric'? (allowed: metric, value, user) in the "
                         "fields of a record of kind 'usage'"));
}

TEST(MappingErrorTest, RefusesAnUnknownKind) {
  EXPECT_THAT(ErrorOf("files:\n  - file: a.csv\n    records:\n      - {kind: tickets, account: a, time: t}\n"),
              StartsWith("m.yaml:4: unknown kind 'tickets'; did you mean 'ticket'? (allowed: exchange_rate, lifecycle_rules, "
                         "account, subscription"));
}

TEST(MappingErrorTest, AsksOfEachKindWhatItHasAndNoMore) {
  const auto error = [](const std::string& record) {
    return ErrorOf("files:\n  - file: a.csv\n    records:\n      - {" + record + "}\n");
  };
  EXPECT_EQ(error("kind: contact, account: a, fields: {display_name: n}"), "m.yaml:4: a record needs 'id'");
  EXPECT_EQ(error("kind: task, id: i, fields: {title: t, kind: k}"), "m.yaml:4: a record needs 'account'");
  EXPECT_EQ(error("kind: phase_move, account: a, fields: {phase: p, reason: r, author: b}"),
            "m.yaml:4: a record needs 'time'");
  EXPECT_EQ(error("kind: task, account: a, id: i, time: t, fields: {title: t, kind: k}"),
            "m.yaml:4: records of kind 'task' have no 'time'");
  EXPECT_EQ(error("kind: exchange_rate, account: a, time: t, fields: {currency_code: c, rate: r}"),
            "m.yaml:4: records of kind 'exchange_rate' have no 'account'");
  EXPECT_EQ(error("kind: phase_move, account: a, time: t, id: i, fields: {phase: p, reason: r, author: b}"),
            "m.yaml:4: records of kind 'phase_move' have no 'id'");
}

TEST(MappingErrorTest, NamesAMissingField) {
  EXPECT_EQ(ErrorOf("files:\n  - file: a.csv\n    records:\n      - {kind: usage, account: a, time: t}\n"),
            "m.yaml:4: a record of kind 'usage' needs the field 'metric'");
}

TEST(MappingErrorTest, RefusesAKeyTwice) {
  EXPECT_THAT(ErrorOf("files:\n  - file: a.csv\n    file: b.csv\n"), HasSubstr("m.yaml:3: key 'file' twice"));
}

TEST(MappingErrorTest, RefusesTwoSourcesOfAValue) {
  EXPECT_EQ(ErrorOf(Usage("        id: {column: a, value: b}\n")),
            "m.yaml:8: a value has one source, not both 'column' and 'value'");
}

TEST(MappingErrorTest, RefusesAnUnknownUnit) {
  EXPECT_EQ(
      ErrorOf(Usage("        once_per: {column: day, plus: {amount: n, unit: minute}}\n")),
      "m.yaml:8: unknown unit 'minute'; did you mean 'minutes'? (allowed: seconds, minutes, hours, days, months)");
}

TEST(MappingErrorTest, RefusesAnUnknownMap) {
  EXPECT_EQ(ErrorOf("maps: {yes_no: {y: n}}\n" + Usage("        id: {column: a, map: yesno}\n")),
            "m.yaml:9: unknown map 'yesno'; did you mean 'yes_no'? (allowed: yes_no)");
}

TEST(MappingErrorTest, RefusesAHashThatIsNoId) {
  EXPECT_EQ(ErrorOf(Usage("        once_per: {hash: [a]}\n")), "m.yaml:8: 'hash' is only for the 'id' of a record");
}

TEST(MappingErrorTest, RefusesABadTemplate) {
  EXPECT_THAT(ErrorOf(Usage("        id: {template: \"{a\"}\n")),
              HasSubstr("m.yaml:8: a template names columns in braces"));
}

TEST(MappingErrorTest, TellsWhereTheYamlIsBroken) {
  EXPECT_THAT(ErrorOf("files:\n  - {file: a.csv\n"), StartsWith("m.yaml:"));
}

TEST(MappingErrorTest, SurvivesAnAliasThatContainsItself) {
  EXPECT_THAT(ErrorOf(Usage("        when: &a {all: [*a]}\n")), StartsWith("m.yaml:"));
}

TEST(MappingErrorTest, NamesTheShippedMappings) {
  const auto mapping = LoadMapping("ravenstck");
  EXPECT_THAT(mapping, HasCode(absl::StatusCode::kNotFound));
  EXPECT_THAT(mapping.status().message(),
              HasSubstr("did you mean 'ravenstack'? (allowed: canonical, cdnow, ravenstack, telco)"));
}

TEST(MappingErrorTest, NamesAMappingFileThatIsNotThere) {
  EXPECT_THAT(LoadMapping("./none.yaml"), HasCode(absl::StatusCode::kNotFound));
}

TEST(ShippedMappingTest, AllOfThemParse) {
  ASSERT_EQ(ShippedMappings().size(), 4u);
  for (const ShippedMapping& shipped : ShippedMappings()) {
    EXPECT_TRUE(LoadMapping(shipped.name).ok()) << LoadMapping(shipped.name).status();
  }
}

TEST(NearestNameTest, FindsWhatWasMeantAndNothingElse) {
  EXPECT_EQ(NearestName("acount_id", {"account_id", "owner"}), "account_id");
  EXPECT_EQ(NearestName("onwer", {"account_id", "owner"}), "owner");
  EXPECT_EQ(NearestName("zzz", {"account_id", "owner"}), "");
}

// Maps rows of one file, as an import does.
class RowMappingTest : public ::testing::Test {
 protected:
  // Reads the mapping, ties it to the header and loads the other files, which stand in folder_.
  absl::Status Prepare(const std::string& mapping, const std::vector<std::string>& header) {
    auto parsed = ParseMapping(mapping, "m.yaml");
    if (!parsed.ok()) return parsed.status();
    mapping_ = *std::move(parsed);
    const absl::Status bound = BindFile("m.yaml", header, &mapping_.files[0]);
    if (!bound.ok()) return bound;
    const absl::Status loaded = LoadTables(mapping_, folder_.path(), {&mapping_.files[0]});
    mapper_ = std::make_unique<RowMapper>(mapping_.files[0], header.size());
    return loaded;
  }
  MappedRow Map(const std::vector<std::string>& fields) { return mapper_->Map({.line = 2, .fields = fields, .quoted = {}, .raw = "", .problem = ""}); }

  TestFolder folder_;
  Mapping mapping_;
  std::unique_ptr<RowMapper> mapper_;
};

TEST_F(RowMappingTest, NamesAColumnThatTheFileDoesNotHave) {
  EXPECT_EQ(Prepare(Usage(""), {"acount", "day", "metric"}).message(),
            "m.yaml:5: usage.csv: unknown column 'account'; did you mean 'acount'? (allowed: acount, day, metric)");
}

TEST_F(RowMappingTest, RefusesAColumnThatNobodyMeant) {
  EXPECT_EQ(Prepare(Usage(""), {"account", "day", "metric", "extra"}).message(),
            "m.yaml:2: usage.csv: column 'extra' is not used; use it, or list it under 'ignore' to leave it out");
  EXPECT_TRUE(Prepare(Usage("    ignore: [extra]\n"), {"account", "day", "metric", "extra"}).ok());
}

TEST_F(RowMappingTest, RefusesEveryBadFieldOfARowAtOnce) {
  ASSERT_TRUE(
      Prepare(Usage("        id: id\n").replace(Usage("").find("{metric: metric}"), 16, "{metric: metric, value: v}"),
              {"id", "account", "day", "metric", "v"})
          .ok());
  const MappedRow row = Map({"u-1", "bad id", "2024-02-30", "", "many"});
  EXPECT_THAT(row.records, IsEmpty());
  ASSERT_EQ(row.violations.size(), 4u);
  EXPECT_EQ(row.violations[0].field, "account");
  EXPECT_EQ(row.violations[1].field, "event_time");
  EXPECT_THAT(row.violations[1].reason, HasSubstr("not '2024-02-30'"));
  EXPECT_EQ(row.violations[2].field, "metric");
  EXPECT_EQ(row.violations[2].reason, "is required");
  EXPECT_EQ(row.violations[3].field, "value");
  EXPECT_EQ(row.violations[3].reason, "must be a number, not 'many'");
  EXPECT_EQ(row.violations[3].record_id, "u-1");
}

TEST_F(RowMappingTest, RefusesARowWithTheWrongNumberOfFields) {
  ASSERT_TRUE(Prepare(Usage(""), {"account", "day", "metric"}).ok());
  const MappedRow row = Map({"a", "2024-01-01"});
  ASSERT_EQ(row.violations.size(), 1u);
  EXPECT_EQ(row.violations[0].reason, "has 2 fields where 3 are expected");
}

TEST_F(RowMappingTest, GivesEqualRowsIdsOfTheirOwnThatStayTheSame) {
  ASSERT_TRUE(Prepare(Usage(""), {"account", "day", "metric"}).ok());
  const std::string first = Map({"a", "2024-01-01", "m"}).records.at(0).id;
  const std::string second = Map({"a", "2024-01-01", "m"}).records.at(0).id;
  const std::string other = Map({"b", "2024-01-01", "m"}).records.at(0).id;
  EXPECT_EQ(first.substr(0, 16), second.substr(0, 16));
  EXPECT_EQ(first.substr(16), "-1");
  EXPECT_EQ(second.substr(16), "-2");
  EXPECT_NE(other.substr(0, 16), first.substr(0, 16));
  ASSERT_TRUE(Prepare(Usage(""), {"account", "day", "metric"}).ok());
  EXPECT_EQ(Map({"a", "2024-01-01", "m"}).records.at(0).id, first);
}

TEST_F(RowMappingTest, SkipsRowsByRule) {
  ASSERT_TRUE(Prepare(Usage("    skip:\n      - {reason: tests, when: {column: metric, in: [test, demo]}}\n"),
                      {"account", "day", "metric"})
                  .ok());
  EXPECT_EQ(Map({"a", "bad day", "demo"}).skipped_by, 0);
  EXPECT_EQ(Map({"a", "2024-01-01", "logins"}).skipped_by, -1);
}

TEST_F(RowMappingTest, LooksUpAnotherFile) {
  folder_.Write("subs.csv", "id,acc,end\nS-1,a-1,2024-02-01\nS-2,a-2,\nS-3,a-3,\nS-3,a-4,\n");
  const std::string mapping =
      "files:\n"
      "  - file: usage.csv\n"
      "    records:\n"
      "      - kind: usage\n"
      "        account: {lookup: {file: subs.csv, match: id, key: sub, column: acc}}\n"
      "        time: day\n"
      "        fields: {metric: {value: logins}}\n"
      "    checks:\n"
      "      - warn: late\n"
      "        when: {compare: [day, \">\", {lookup: {file: subs.csv, match: id, key: sub, column: end}}], as: time}\n"
      "        example: \"{sub} on {day}\"\n";
  ASSERT_TRUE(Prepare(mapping, {"sub", "day"}).ok());
  const MappedRow late = Map({"S-1", "2024-03-01"});
  EXPECT_EQ(late.records.at(0).record.account(), "accounts/a-1");
  EXPECT_THAT(late.warnings, ElementsAre(std::make_pair(0, std::string("S-1 on 2024-03-01"))));
  // The end is not known, so nothing can be said of it.
  EXPECT_THAT(Map({"S-2", "2024-03-01"}).warnings, IsEmpty());
  EXPECT_EQ(Map({"S-9", "2024-03-01"}).violations.at(0).reason,
            "comes from subs.csv, which has no row with id = 'S-9'");
  EXPECT_EQ(Map({"S-3", "2024-03-01"}).violations.at(0).reason,
            "comes from subs.csv, where id = 'S-3' has several values of acc");
}

TEST_F(RowMappingTest, NamesAColumnThatALookedUpFileDoesNotHave) {
  folder_.Write("subs.csv", "id,acc\n");
  EXPECT_EQ(Prepare(Usage("        once_per: {lookup: {file: subs.csv, match: idd, key: day, column: acc}}\n"),
                    {"account", "day", "metric"})
                .message(),
            "m.yaml:8: subs.csv: unknown column 'idd'; did you mean 'id'? (allowed: id, acc)");
}

TEST_F(RowMappingTest, TakesOnlyTheFirstRowOfAGroup) {
  ASSERT_TRUE(Prepare(Usage("        once_per: account\n"), {"account", "day", "metric"}).ok());
  EXPECT_EQ(Map({"a", "2024-01-01", "m"}).records.size(), 1u);
  EXPECT_EQ(Map({"a", "2024-01-02", "m"}).records.size(), 0u);
  EXPECT_EQ(Map({"b", "2024-01-02", "m"}).records.size(), 1u);
}

TEST_F(RowMappingTest, RefusesAValueThatTheMapDoesNotKnow) {
  ASSERT_TRUE(Prepare(Usage("").replace(Usage("").find("{metric: metric}"), 16,
                                        "{metric: {column: metric, map: {A: a, B: b}}}"),
                      {"account", "day", "metric"})
                  .ok());
  EXPECT_EQ(Map({"a", "2024-01-01", "B"}).records.at(0).record.usage().metric(), "b");
  EXPECT_EQ(Map({"a", "2024-01-01", "C"}).violations.at(0).reason,
            "has a value that the mapping does not know: 'C' is none of A, B");
}

TEST(ParseTimeTextTest, ReadsTheUsualForms) {
  EXPECT_EQ(*ParseTimeText("2024-12-31", {}), absl::FromUnixSeconds(1735603200));
  EXPECT_EQ(*ParseTimeText("2024-12-31 23:59:59", {}), absl::FromUnixSeconds(1735689599));
  EXPECT_EQ(*ParseTimeText("2024-12-31T23:59:59Z", {}), absl::FromUnixSeconds(1735689599));
  EXPECT_EQ(*ParseTimeText("2024-12-31T23:59:59.5+01:00", {}),
            absl::FromUnixSeconds(1735685999) + absl::Milliseconds(500));
}

TEST(ParseTimeTextTest, RefusesWhatIsNoTime) {
  for (const char* text : {"", "2024-13-01", "2024-02-30", "2023-02-29", "31.12.2024", "infinite-future", "0000-01-01",
                           "2024-12-31 24:00:00", "99999-01-01"}) {
    EXPECT_FALSE(ParseTimeText(text, {}).ok()) << text;
  }
}

TEST(ParseTimeTextTest, ReadsTheFormatsGivenInOrder) {
  EXPECT_EQ(*ParseTimeText("31.12.2024", {"%d.%m.%Y %H:%M", "%d.%m.%Y"}), absl::FromUnixSeconds(1735603200));
  EXPECT_EQ(*ParseTimeText("19970101", {"%E4Y%m%d"}), absl::FromUnixSeconds(852076800));
  EXPECT_FALSE(ParseTimeText("2024-12-31", {"%d.%m.%Y"}).ok());
}

TEST(AddMonthsTest, KeepsTheDayWhereTheMonthHasIt) {
  const absl::Time end_of_march = absl::FromCivil(absl::CivilDay(2024, 3, 31), absl::UTCTimeZone());
  EXPECT_EQ(AddMonths(end_of_march, -1), absl::FromCivil(absl::CivilDay(2024, 2, 29), absl::UTCTimeZone()));
  EXPECT_EQ(AddMonths(end_of_march, 10), absl::FromCivil(absl::CivilDay(2025, 1, 31), absl::UTCTimeZone()));
}

}  // namespace
}  // namespace perennial::cli
