#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/common/filter_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::filter {
namespace {

using facts::FactType;

// Every type of fact with every comparator and a value of its own: the answers for a fact that is below, at and above
// that value, or "refused".
struct Case {
  std::string fact;
  std::string comparator;
  std::string value;
  std::string answers;  // three of T and F
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.fact << c.comparator << c.value; }

class FilterComparisonTest : public ::testing::TestWithParam<Case> {
 protected:
  void Set(facts::FactRow& row, int step) const {
    const facts::FactId id = fixture_.Id(GetParam().fact);
    const absl::string_view texts[] = {"acm", "acme", "acmes"};
    switch (fixture_.catalogue().Get(id).type) {
      case FactType::kNumber: return row.SetNumber(id, -7.5 + step);
      case FactType::kTime: return row.SetNumber(id, 86400.0 * (1 + step));
      case FactType::kBool: return row.SetNumber(id, step < 2 ? 0 : 1);
      case FactType::kString: return row.SetText(id, std::string(texts[step]));
      case FactType::kStringSet:
        return row.SetSet(id, step == 0 ? facts::StringSet{} : facts::StringSet{std::string(texts[step])});
    }
  }
  const perennial::testing::FilterFixture fixture_;
};

TEST_P(FilterComparisonTest, AnswersOrIsRefused) {
  const Case& c = GetParam();
  const auto compiled = fixture_.Compile(absl::StrCat(c.fact, " ", c.comparator, " ", c.value));
  if (c.answers == "refused") {
    EXPECT_THAT(compiled, perennial::testing::HasCode(absl::StatusCode::kInvalidArgument));
    return;
  }
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  std::string answers;
  for (int step = 0; step < 3; ++step) {
    facts::FactRow row;
    Set(row, step);
    const Truth truth = compiled->Evaluate(row, {});
    answers += truth == Truth::kTrue ? "T" : truth == Truth::kFalse ? "F" : "U";
  }
  EXPECT_EQ(answers, c.answers);
}

// Numbers are -7.5, -6.5, -5.5.
INSTANTIATE_TEST_SUITE_P(Numbers, FilterComparisonTest,
                         ::testing::Values(Case{"mrr", "=", "-6.5", "FTF"}, Case{"mrr", "!=", "-6.5", "TFT"},
                                           Case{"mrr", "<", "-6.5", "TFF"}, Case{"mrr", "<=", "-6.5", "TTF"},
                                           Case{"mrr", ">", "-65e-1", "FFT"}, Case{"mrr", ">=", "-6.5", "FTT"},
                                           Case{"mrr", ":", "-6.5", "FTF"}, Case{"mrr", ":", "*", "TTT"},
                                           Case{"mrr", "=", "*", "refused"}, Case{"mrr", "<", "true", "refused"},
                                           Case{"mrr", "=", "2024-01-01", "refused"}));

// Strings are "acm", "acme", "acmes".
INSTANTIATE_TEST_SUITE_P(Strings, FilterComparisonTest,
                         ::testing::Values(Case{"name", "=", "acme", "FTF"}, Case{"name", "!=", "acme", "TFT"},
                                           Case{"name", "<", "acme", "TFF"}, Case{"name", "<=", "acme", "TTF"},
                                           Case{"name", ">", "acme", "FFT"}, Case{"name", ">=", "acme", "FTT"},
                                           Case{"name", ":", "acme", "FTF"}, Case{"name", ":", "*", "TTT"},
                                           Case{"name", "=", "Acme", "FFF"}, Case{"name", "=", "acme*", "FTT"},
                                           Case{"name", "!=", "acme*", "TFF"}, Case{"name", ":", "*e", "FTF"},
                                           Case{"name", "=", "*me*", "FTT"}, Case{"name", "=", "*", "TTT"},
                                           Case{"name", "=", "\"\"", "FFF"}, Case{"name", "=", R"("\*")", "FFF"},
                                           Case{"name", ">", "*e", "refused"}, Case{"name", "=", "now()", "refused"}));

// Bools are false, false, true.
INSTANTIATE_TEST_SUITE_P(Bools, FilterComparisonTest,
                         ::testing::Values(Case{"silent", "=", "true", "FFT"}, Case{"silent", "!=", "true", "TTF"},
                                           Case{"silent", "=", "false", "TTF"}, Case{"silent", ":", "true", "FFT"},
                                           Case{"silent", ":", "*", "TTT"}, Case{"silent", "", "", "FFT"},
                                           Case{"silent", "<", "true", "refused"},
                                           Case{"silent", "<=", "true", "refused"},
                                           Case{"silent", ">", "true", "refused"},
                                           Case{"silent", ">=", "true", "refused"}, Case{"silent", "=", "1", "refused"},
                                           Case{"silent", "=", "TRUE", "refused"}));

// Times are the starts of the 2nd, 3rd and 4th of January 1970.
INSTANTIATE_TEST_SUITE_P(
    Times, FilterComparisonTest,
    ::testing::Values(Case{"create_time", "=", "1970-01-03", "FTF"}, Case{"create_time", "!=", "1970-01-03", "TFT"},
                      Case{"create_time", "<", "1970-01-03T00:00:00Z", "TFF"},
                      Case{"create_time", "<=", "1970-01-03T01:00:00+01:00", "TTF"},
                      Case{"create_time", ">", "\"1970-01-03\"", "FFT"}, Case{"create_time", ">=", "1970-01-03", "FTT"},
                      Case{"create_time", ":", "1970-01-03", "FTF"}, Case{"create_time", ":", "*", "TTT"},
                      Case{"create_time", ">", "5", "refused"}, Case{"create_time", ">", "tomorrow", "refused"}));

// Sets are {}, {"acme"}, {"acmes"}.
INSTANTIATE_TEST_SUITE_P(Sets, FilterComparisonTest,
                         ::testing::Values(Case{"tags", ":", "acme", "FTF"}, Case{"tags", ":", "acme*", "FTT"},
                                           Case{"tags", ":", "*", "FTT"}, Case{"tags", "=", "acme", "refused"},
                                           Case{"tags", "!=", "acme", "refused"}, Case{"tags", "<", "acme", "refused"},
                                           Case{"tags", "<=", "acme", "refused"}, Case{"tags", ">", "acme", "refused"},
                                           Case{"tags", ">=", "acme", "refused"}, Case{"tags", "", "", "refused"}));

}  // namespace
}  // namespace perennial::filter
