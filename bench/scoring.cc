// All accounts scored anew by one scorecard of twelve measures, with bands and coverage, against DuckDB with two
// threads that computes the same scores in SQL (P7); the same with the scores stored in Redis, against a pipelined SET
// of the same bytes (P8); and the cost an account as accounts grow (P14). Every score, coverage and band is compared.
//
//   bench_scoring [accounts] [rounds, at least 5] [threads]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "bench/duckdb.h"
#include "bench/sample_table.h"
#include "bench/score_storing.h"
#include "bench/scorecard_sql.h"
#include "bench/timing.h"
#include "health-svc/rules/column_scoring.h"

namespace {

using perennial::bench::Die;
using perennial::bench::DuckDb;
using perennial::bench::Median;
using perennial::bench::MillisecondsOf;
using perennial::bench::SampleTable;
using perennial::facts::RowId;
using perennial::health::ColumnScoring;
using perennial::health::Scorecards;
using perennial::health::ScoredBlock;

constexpr RowId kRowsACall = 65536;

// A result table: what a list, a distribution or a comparison needs of each account.
struct Scores {
  explicit Scores(std::size_t accounts) : score(accounts), coverage(accounts), band(accounts) {}
  std::vector<double> score;  // NaN is unknown
  std::vector<double> coverage;
  std::vector<std::uint8_t> band;  // 0 is unknown
};

void ScoreRange(const Scorecards& scorecards, const perennial::facts::FactTable& table, RowId first, RowId end,
                Scores& out) {
  ColumnScoring scoring(scorecards);
  for (RowId from = first; from < end; from += kRowsACall) {
    scoring.Score({.table = table,
                   .first = from,
                   .end = std::min(end, from + kRowsACall),
                   .as_of = [](RowId) { return absl::UnixEpoch(); },
                   .wanted = [](RowId) { return true; },
                   .carried = [](RowId) -> const perennial::health::CarriedFacts* { return nullptr; }},
                  [&](const ScoredBlock& block) {
                    const auto& bands = block.scorecard->config().bands();
                    for (std::size_t i = 0; i < block.rows.size(); ++i) {
                      const RowId row = block.rows[i];
                      const double score = block.scores[i];
                      std::uint8_t band = 0;
                      for (const auto& bound : bands) band += score >= bound.lower_bound() ? 1 : 0;
                      out.score[row] = score;
                      out.coverage[row] = block.coverage[i];
                      out.band[row] = band;
                    }
                  });
  }
}

void ScoreAll(const Scorecards& scorecards, const perennial::facts::FactTable& table, int threads, Scores& out) {
  const auto rows = static_cast<RowId>(table.row_count());
  if (threads == 1) return ScoreRange(scorecards, table, 0, rows, out);
  const RowId share = (rows / static_cast<RowId>(threads) + 64) / 64 * 64;
  std::vector<std::jthread> running;
  for (RowId first = 0; first < rows; first += share) {
    running.emplace_back([&, first] { ScoreRange(scorecards, table, first, std::min(rows, first + share), out); });
  }
}

// Loads our scores into DuckDB, beside its own, and looks for any that differ.
void Compare(DuckDb& duckdb, const Scores& ours, const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) Die("cannot write " + path);
  std::fputs("our_score,our_coverage,our_band\n", file);
  for (std::size_t i = 0; i < ours.score.size(); ++i) {
    const std::string score = std::isnan(ours.score[i]) ? "" : absl::StrFormat("%.17g", ours.score[i]);
    std::fprintf(file, "%s,%.17g,%d\n", score.c_str(), ours.coverage[i], ours.band[i]);
  }
  std::fclose(file);
  duckdb.Run(absl::StrCat("CREATE OR REPLACE TABLE ours AS SELECT * FROM read_csv('", path,
                          "', header = true, columns = {'our_score': 'DOUBLE', 'our_coverage': 'DOUBLE', 'our_band': "
                          "'INTEGER'})"));
  std::filesystem::remove(path);
  const auto answer = duckdb.Run(
      "SELECT count(*), count(score), count(*) FILTER (WHERE (score IS NULL) != (our_score IS NULL) OR band != "
      "our_band), "
      "max(abs(score - our_score)), max(abs(coverage - our_coverage)) FROM scored POSITIONAL JOIN ours");
  const auto& row = answer.rows.at(0);
  if (row.at(0).get<std::size_t>() != ours.score.size() || row.at(1).get<std::int64_t>() == 0 ||
      row.at(2).get<std::int64_t>() != 0 || row.at(3).get<double>() > 1e-9 || row.at(4).get<double>() > 1e-9) {
    Die("scores differ: " + answer.rows.dump());
  }
}

nlohmann::json AgainstDuckDb(const Scorecards& scorecards, const SampleTable& sample, int rounds, int threads) {
  const std::string path = (std::filesystem::temp_directory_path() / absl::StrCat("bench_scoring.", getpid())).string();
  DuckDb duckdb;
  sample.WriteCsv(path);
  duckdb.Run(sample.CreateSql(path));
  std::filesystem::remove(path);
  const std::string sql = absl::StrCat("CREATE OR REPLACE TABLE scored AS ",
                                       perennial::bench::ScoreSql(scorecards.all().front()->config(), "accounts"));
  Scores ours(sample.table().row_count());
  std::vector<double> ours_ms;
  std::vector<double> theirs_ms;
  for (int round = 0; round <= rounds; ++round) {
    const double ms = MillisecondsOf([&] { ScoreAll(scorecards, sample.table(), threads, ours); });
    const DuckDb::Answer answer = duckdb.Run(sql);
    Compare(duckdb, ours, path);
    if (round == 0) continue;  // warms up
    ours_ms.push_back(ms);
    theirs_ms.push_back(answer.milliseconds);
  }
  const double ratio = Median(ours_ms) / Median(theirs_ms);
  return {{"benchmark", "all accounts scored anew (P7)"},
          {"accounts", ours.score.size()},
          {"threads", threads},
          {"ms", Median(ours_ms)},
          {"duckdb_ms", Median(theirs_ms)},
          {"ratio", ratio},
          {"goal", 1.0},
          {"reached", ratio <= 1.0},
          {"rounds", rounds}};
}

nlohmann::json CostAnAccount(const Scorecards& scorecards, std::size_t accounts, int rounds, int threads) {
  const SampleTable sample(accounts);
  Scores out(accounts);
  const int repeat = static_cast<int>(1'000'000 / accounts);
  std::vector<double> ns;
  for (int round = 0; round < rounds; ++round) {
    ns.push_back(MillisecondsOf([&] {
      for (int i = 0; i < repeat; ++i) ScoreAll(scorecards, sample.table(), threads, out);
    }));
  }
  return {{"accounts", accounts}, {"ns_an_account", Median(ns)}};
}

}  // namespace

int main(int argc, char** argv) {
  int accounts = 1'000'000;
  int rounds = 7;
  int threads = 2;
  if ((argc > 1 && !absl::SimpleAtoi(argv[1], &accounts)) || (argc > 2 && !absl::SimpleAtoi(argv[2], &rounds)) ||
      (argc > 3 && !absl::SimpleAtoi(argv[3], &threads)) || accounts < 1 || rounds < 5 || threads < 1) {
    Die("usage: bench_scoring [accounts] [rounds, at least 5] [threads]");
  }
  auto scorecards = Scorecards::Compile(perennial::bench::TwelveMeasures());
  if (!scorecards.ok()) Die(std::string(scorecards.status().message()));
  nlohmann::json out = nlohmann::json::array();
  {
    const SampleTable sample(static_cast<std::size_t>(accounts));
    (void)scorecards->Resolve(sample.catalogue());
    out.push_back(AgainstDuckDb(*scorecards, sample, rounds, threads));
    out.push_back(perennial::bench::AgainstPipelinedSet(*scorecards, sample, rounds));
  }
  nlohmann::json growth = nlohmann::json::array();
  for (const std::size_t size : {10'000, 100'000, 1'000'000}) {
    growth.push_back(CostAnAccount(*scorecards, size, rounds, 1));
  }
  const double first = growth.front()["ns_an_account"].get<double>();
  const double last = growth.back()["ns_an_account"].get<double>();
  out.push_back({{"benchmark", "cost of a score as accounts grow (P14)"},
                 {"sizes", growth},
                 {"ratio", last / first},
                 {"goal", 1.3},
                 {"reached", last / first <= 1.3}});
  std::cout << out.dump(2) << "\n";
  return 0;
}
