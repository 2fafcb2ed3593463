#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/common/filter_fixture.h"
#include "tests/common/filter_random.h"

namespace perennial::filter {
namespace {

using perennial::testing::FilterFixture;
using perennial::testing::RandomAccount;
using perennial::testing::RandomFilter;
using perennial::testing::RandomFilters;
using perennial::testing::Reference;

constexpr double kNow = 1'700'000'000;

// Accounts in a table, of which every seventh was deleted, and with their segments as bitmaps.
class Portfolio final : public SegmentMembership {
 public:
  Portfolio(int rows, RandomFilters& random, const FilterFixture& fixture) {
    for (int i = 0; i < rows; ++i) {
      accounts_.push_back(random.Account());
      const facts::RowId row = table_.Upsert(absl::StrCat("account-", i));
      rows_.push_back(Stored(accounts_.back(), row, fixture));
      if (i % 7 == 6) table_.Delete(row);
    }
    for (const char* segment : {"one", "two"}) {
      // Bitmaps may end before the table does: later rows are no members.
      const std::size_t size = segment == std::string("one") ? accounts_.size() : accounts_.size() / 2;
      facts::Bitmap& members = segments_.emplace(segment, facts::Bitmap(size)).first->second;
      for (std::size_t i = 0; i < accounts_.size(); ++i) {
        if (i >= size) accounts_[i].segments.erase(segment);
        if (accounts_[i].segments.count(segment) > 0) members.Set(i);
      }
    }
  }

  [[nodiscard]] const facts::Bitmap* Members(absl::string_view segment) const override {
    return &segments_.at(std::string(segment));
  }
  [[nodiscard]] const facts::FactTable& table() const { return table_; }
  [[nodiscard]] const std::vector<RandomAccount>& accounts() const { return accounts_; }
  [[nodiscard]] const facts::FactRow& row(std::size_t i) const { return rows_[i]; }

 private:
  facts::FactRow Stored(const RandomAccount& account, facts::RowId row, const FilterFixture& fixture) {
    facts::FactRow stored;
    for (const auto& [name, value] : account.facts) {
      const facts::FactId id = fixture.Id(name);
      if (const auto* number = std::get_if<double>(&value)) {
        stored.SetNumber(id, *number);
        table_.SetNumber(row, id, fixture.catalogue().Get(id).type, *number);
      } else if (const auto* text = std::get_if<std::string>(&value)) {
        stored.SetText(id, *text);
        table_.SetText(row, id, *text);
      } else {
        const auto& elements = std::get<std::set<std::string>>(value);
        const facts::StringSet set(elements.begin(), elements.end());
        stored.SetSet(id, set);
        table_.SetSet(row, id, &set);
      }
    }
    return stored;
  }

  facts::FactTable table_;
  std::vector<RandomAccount> accounts_;
  std::vector<facts::FactRow> rows_;
  std::map<std::string, facts::Bitmap> segments_;
};

// Parameter: rows of the table. Around 64 a word ends, around 2,048 a block of many filters, around 16,384 one of few.
class FilterPropertyTest : public ::testing::TestWithParam<int> {
 protected:
  const FilterFixture fixture_;
  const EvaluationContext context_{.now = absl::UnixEpoch() + absl::Seconds(kNow)};
};

TEST_P(FilterPropertyTest, CanonicalFormMeansTheSame) {
  RandomFilters random(1600 + GetParam(), kNow, true);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random.Write(random.Filter(4));
    const auto compiled = fixture_.Compile(text);
    ASSERT_TRUE(compiled.ok()) << compiled.status() << "\n" << text;
    const auto again = fixture_.Compile(compiled->canonical());
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << compiled->canonical();
    ASSERT_EQ(again->canonical(), compiled->canonical()) << text;
    ASSERT_EQ(again->facts(), compiled->facts());
    ASSERT_EQ(again->segments(), compiled->segments());
    ASSERT_EQ(again->reads_clock(), compiled->reads_clock());
    ASSERT_TRUE(again->warnings().empty()) << compiled->canonical();
  }
}

TEST_P(FilterPropertyTest, ValuesStayWhileNumbersDoNotReachAThreshold) {
  RandomFilters random(2600 + GetParam(), kNow, false);
  const std::set<std::string> numbers = {"mrr", "nps.latest", "tenure_days", "silent", "create_time", "health.score"};
  int moved = 0;
  int stayed = 0;
  for (int i = 0; i < 2'000; ++i) {
    const RandomFilter filter = random.Filter(3);
    const std::string text = random.Write(filter);
    const auto compiled = fixture_.Compile(text);
    ASSERT_TRUE(compiled.ok()) << compiled.status() << "\n" << text;
    const RandomAccount account = random.Account();
    const RandomAccount other = random.Account();
    for (const auto& [name, value] : other.facts) {
      const auto was = account.facts.find(name);
      if (numbers.count(name) == 0 || was == account.facts.end()) continue;
      const auto thresholds = compiled->Thresholds(fixture_.Id(name));
      if (!thresholds.has_value()) continue;
      RandomAccount changed = account;
      changed.facts[name] = value;
      const auto [low, high] = std::minmax(std::get<double>(was->second), std::get<double>(value));
      const auto reached = std::lower_bound(thresholds->begin(), thresholds->end(), low);
      if (reached != thresholds->end() && *reached <= high) {
        moved += Reference(filter, account) != Reference(filter, changed) ? 1 : 0;
        continue;
      }
      ASSERT_EQ(Reference(filter, account), Reference(filter, changed)) << text << "\n" << name;
      ++stayed;
    }
  }
  EXPECT_GT(moved, 30);
  EXPECT_GT(stayed, 1'000);
}

TEST_P(FilterPropertyTest, ColumnsAndRowsAnswerLikeTheReference) {
  RandomFilters random(GetParam(), kNow, true);
  const Portfolio portfolio(GetParam(), random, fixture_);
  EvaluationContext context = context_;
  context.segments = &portfolio;
  std::size_t selected_rows = 0;
  for (int i = 0; i < (GetParam() > 1000 ? 40 : 200); ++i) {
    const RandomFilter filter = random.Filter(4);
    const std::string text = random.Write(filter);
    const auto compiled = fixture_.Compile(text);
    ASSERT_TRUE(compiled.ok()) << compiled.status() << "\n" << text;
    const auto canonical = fixture_.Compile(compiled->canonical());
    const facts::Bitmap selected = compiled->EvaluateAll(portfolio.table(), context);
    ASSERT_EQ(selected.size(), portfolio.table().row_count());
    ASSERT_EQ(canonical->EvaluateAll(portfolio.table(), context), selected) << text;
    for (std::size_t row = 0; row < selected.size(); ++row) {
      const auto id = static_cast<facts::RowId>(row);
      const Truth expected = Reference(filter, portfolio.accounts()[row]);
      ASSERT_EQ(selected.Test(row), portfolio.table().live(id) && expected == Truth::kTrue) << text << "\nrow " << row;
      if (!portfolio.table().live(id)) continue;
      ASSERT_EQ(compiled->Evaluate(facts::TableRow(portfolio.table(), id), context), expected)
          << text << "\nrow " << row;
    }
    selected_rows += selected.Count();
  }
  EXPECT_EQ(selected_rows > 0, GetParam() > 0);
}

TEST_P(FilterPropertyTest, RowsOutsideATableAnswerLikeTheReference) {
  RandomFilters random(GetParam() + 1, kNow, false);
  const Portfolio portfolio(std::min(GetParam(), 65), random, fixture_);
  for (int i = 0; i < 200; ++i) {
    const RandomFilter filter = random.Filter(4);
    const std::string text = random.Write(filter);
    const auto compiled = fixture_.Compile(text);
    ASSERT_TRUE(compiled.ok()) << compiled.status() << "\n" << text;
    for (std::size_t row = 0; row < portfolio.accounts().size(); ++row) {
      ASSERT_EQ(compiled->Evaluate(portfolio.row(row), context_), Reference(filter, portfolio.accounts()[row]))
          << text << "\nrow " << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, FilterPropertyTest, ::testing::Values(0, 1, 63, 64, 65, 300, 2047, 2048, 2049, 8200, 16385));

TEST_P(FilterPropertyTest, ManyFiltersAtOnceAnswerAsEachAlone) {
  RandomFilters random(GetParam() + 2, kNow, true);
  const Portfolio portfolio(GetParam(), random, fixture_);
  EvaluationContext context = context_;
  context.segments = &portfolio;
  std::vector<Filter> filters;
  for (int i = 0; i < 60; ++i) {
    const std::string text = random.Write(random.Filter(4));
    filters.push_back(fixture_.Compile(text).value());
    if (i % 3 == 0) filters.push_back(fixture_.Compile(absl::StrCat("NOT (", text, ")")).value());
  }
  std::vector<const Filter*> all;
  for (const Filter& filter : filters) all.push_back(&filter);
  const std::vector<facts::Bitmap> selected = Filter::EvaluateAll(all, portfolio.table(), context);
  ASSERT_EQ(selected.size(), filters.size());
  const auto rows = static_cast<facts::RowId>(portfolio.table().row_count());
  const facts::RowId from = rows / 2 / 64 * 64;
  for (std::size_t i = 0; i < filters.size(); ++i) {
    ASSERT_EQ(filters[i].EvaluateAll(portfolio.table(), context), selected[i]) << filters[i].canonical();
    const facts::RowId end = from + (rows - from) / 2;
    const facts::Bitmap part = filters[i].EvaluateRows(portfolio.table(), context, from, end);
    ASSERT_EQ(part.size(), end - from);
    for (facts::RowId row = from; row < end; ++row) ASSERT_EQ(part.Test(row - from), selected[i].Test(row));
    ASSERT_EQ(part.Count() <= selected[i].Count(), true);
  }
}

// Large enough that several threads share it.
TEST(FilterLargeTableTest, IsEvaluatedWhole) {
  const FilterFixture fixture;
  facts::FactTable table;
  constexpr facts::RowId kRows = 1'100'003;
  for (facts::RowId row = 0; row < kRows; ++row) {
    table.Upsert(absl::StrCat(row));
    if (row % 5 != 0) table.SetNumber(row, fixture.Id("mrr"), facts::FactType::kNumber, row % 1000);
  }
  const facts::Bitmap selected = fixture.Compile("mrr < 300")->EvaluateAll(table, {});
  for (facts::RowId row = 0; row < kRows; ++row) ASSERT_EQ(selected.Test(row), row % 5 != 0 && row % 1000 < 300) << row;
}

// Whatever the bytes are, compiling ends with a filter that survives its own canonical form, or with INVALID_ARGUMENT.
TEST(FilterNoiseTest, IsRefusedOrUnderstood) {
  const FilterFixture fixture;
  std::mt19937_64 random(7);
  const char* const pieces[] = {"mrr",
                                "silent",
                                "tags",
                                "name",
                                "attributes",
                                ".",
                                ":",
                                "*",
                                "=",
                                "!=",
                                ">",
                                "<=",
                                "(",
                                ")",
                                " ",
                                "AND ",
                                "OR ",
                                "-",
                                "NOT",
                                "\"",
                                "'",
                                "\\",
                                "5",
                                "1.5",
                                "30d",
                                ",",
                                "now()",
                                "\n",
                                "é",
                                "segment(a)",
                                "2024-01-01T00:00:00Z",
                                "industry",
                                "\xC3",
                                "#"};
  int understood = 0;
  for (int i = 0; i < 50000; ++i) {
    std::string text;
    for (std::uint64_t n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const auto compiled = fixture.Compile(text);
    if (!compiled.ok()) {
      ASSERT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument) << text;
      ASSERT_NE(compiled.status().message().find(" at "), absl::string_view::npos) << compiled.status();
      continue;
    }
    ++understood;
    const auto again = fixture.Compile(compiled->canonical());
    ASSERT_TRUE(again.ok()) << again.status() << "\n" << text << "\n" << compiled->canonical();
    ASSERT_EQ(again->canonical(), compiled->canonical()) << text;
  }
  EXPECT_GT(understood, 100);
}

}  // namespace
}  // namespace perennial::filter
