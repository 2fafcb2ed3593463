// Filters over whole tables, against DuckDB with two threads over the same rows: one ad-hoc filter of four predicates
// (P4), a hundred segments in full (P5), and the cost an account as the table grows (P14). Every count is compared.
//
//   bench_filters [accounts] [rounds]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bench/duckdb.h"
#include "bench/sample_table.h"
#include "bench/timing.h"
#include "common/filter/filter.h"

namespace {

using perennial::bench::Die;
using perennial::bench::DuckDb;
using perennial::bench::Median;
using perennial::bench::MillisecondsOf;
using perennial::bench::SampleFilter;
using perennial::bench::SampleTable;
using perennial::filter::EvaluationContext;
using perennial::filter::Filter;

using Counts = std::vector<std::int64_t>;

constexpr char kFilter[] =
    R"(health.score < 50 AND mrr >= 500 AND plan = "plan-3" AND usage.days_since_last > 14)";
constexpr char kCondition[] =
    R"("health.score" < 50 AND "mrr" >= 500 AND "plan" = 'plan-3' AND "usage.days_since_last" > 14)";

Filter Compiled(const std::string& text, const SampleTable& sample) {
  auto filter = Filter::Compile(text, sample.catalogue());
  if (!filter.ok()) Die(absl::StrCat(text, ": ", std::string(filter.status().message())));
  return *std::move(filter);
}

// What a caller of an ad-hoc filter waits for: its text is compiled, too.
std::int64_t CountOne(const SampleTable& sample, const std::string& text) {
  return static_cast<std::int64_t>(Compiled(text, sample).EvaluateAll(sample.table(), EvaluationContext()).Count());
}

Counts CountAll(const SampleTable& sample, const std::vector<Filter>& filters) {
  std::vector<const Filter*> all;
  for (const Filter& filter : filters) all.push_back(&filter);
  Counts counts;
  for (const auto& selected : Filter::EvaluateAll(all, sample.table(), EvaluationContext())) {
    counts.push_back(static_cast<std::int64_t>(selected.Count()));
  }
  return counts;
}

Counts CountsOf(const nlohmann::json& rows) {
  Counts counts;
  for (const auto& value : rows.at(0)) counts.push_back(value.get<std::int64_t>());
  return counts;
}

// Runs both sides in turn and compares what they count.
template <class Ours>
nlohmann::json Compare(const char* name, double goal, int rounds, DuckDb& duckdb, const std::string& sql, Ours ours) {
  std::vector<double> ours_ms;
  std::vector<double> theirs_ms;
  for (int round = 0; round <= rounds; ++round) {
    Counts counts;
    const double ms = MillisecondsOf([&] { counts = ours(); });
    const DuckDb::Answer answer = duckdb.Run(sql);
    const Counts theirs = CountsOf(answer.rows);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] != theirs.at(i)) {
        Die(absl::StrCat(name, ": filter ", i, " selects ", counts[i], " accounts, DuckDB ", theirs[i]));
      }
    }
    if (round == 0) continue;  // warms up
    ours_ms.push_back(ms);
    theirs_ms.push_back(answer.milliseconds);
  }
  const double ratio = Median(ours_ms) / Median(theirs_ms);
  return {{"benchmark", name},          {"ms", Median(ours_ms)}, {"duckdb_ms", Median(theirs_ms)},
          {"ratio", ratio},             {"goal", goal},          {"reached", ratio <= goal},
          {"rounds", rounds}};
}

nlohmann::json CompareSegments(const char* name, bool distinct, int rounds, const SampleTable& sample, DuckDb& duckdb) {
  const std::vector<SampleFilter> samples = perennial::bench::SampleFilters(100, distinct);
  std::vector<Filter> filters;
  std::vector<std::string> counts;
  for (const SampleFilter& one : samples) {
    filters.push_back(Compiled(one.filter, sample));
    counts.push_back(absl::StrCat("count(*) FILTER (WHERE ", one.sql, ")"));
  }
  return Compare(name, 0.1, rounds, duckdb, absl::StrCat("SELECT ", absl::StrJoin(counts, ", "), " FROM accounts"),
                 [&] { return CountAll(sample, filters); });
}

// Nanoseconds an account for the ad-hoc filter and for a hundred segments.
nlohmann::json CostAnAccount(std::size_t accounts, int rounds) {
  const SampleTable sample(accounts);
  std::vector<Filter> filters;
  for (const SampleFilter& one : perennial::bench::SampleFilters(100, true)) {
    filters.push_back(Compiled(one.filter, sample));
  }
  std::vector<double> one;
  std::vector<double> hundred;
  const int repeat = static_cast<int>(1'000'000 / accounts);
  for (int round = 0; round < rounds; ++round) {
    one.push_back(MillisecondsOf([&] {
      for (int i = 0; i < repeat; ++i) (void)CountOne(sample, kFilter);
    }));
    hundred.push_back(MillisecondsOf([&] { (void)CountAll(sample, filters); }) * repeat);
  }
  return {{"accounts", accounts}, {"one_filter_ns", Median(one)}, {"hundred_segments_ns", Median(hundred)}};
}

}  // namespace

int main(int argc, char** argv) {
  int accounts = 1'000'000;
  int rounds = 9;
  if ((argc > 1 && !absl::SimpleAtoi(argv[1], &accounts)) || (argc > 2 && !absl::SimpleAtoi(argv[2], &rounds)) ||
      accounts < 1 || rounds < 5) {
    Die("usage: bench_filters [accounts] [rounds, at least 5]");
  }
  nlohmann::json out = nlohmann::json::array();
  {
    const SampleTable sample(static_cast<std::size_t>(accounts));
    const std::string csv =
        (std::filesystem::temp_directory_path() / absl::StrCat("bench_filters.", getpid())).string();
    sample.WriteCsv(csv);
    DuckDb duckdb;
    duckdb.Run(sample.CreateSql(csv));
    std::filesystem::remove(csv);
    out.push_back(Compare("ad-hoc filter (P4)", 0.2, rounds, duckdb,
                          absl::StrCat("SELECT count(*) FROM accounts WHERE ", kCondition),
                          [&] { return Counts{CountOne(sample, kFilter)}; }));
    out.push_back(CompareSegments("100 segments (P5)", false, rounds, sample, duckdb));
    out.push_back(CompareSegments("100 segments, all bounds different (P5)", true, rounds, sample, duckdb));
  }
  nlohmann::json growth = nlohmann::json::array();
  for (const std::size_t size : {10'000, 100'000, 1'000'000}) growth.push_back(CostAnAccount(size, rounds));
  out.push_back({{"benchmark", "cost an account (P14)"}, {"sizes", growth}});
  std::cout << out.dump(2) << "\n";
  return 0;
}
