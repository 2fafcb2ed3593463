#include "bench/score_storing.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/timing.h"
#include "common/cache/redis_client.h"
#include "health-svc/rules/column_scoring.h"
#include "health-svc/score_cache.h"
#include "tests/testing/process.h"

namespace perennial::bench {
namespace {

using facts::RowId;

constexpr char kGeneration[] = "0123456789abcdef";
constexpr std::size_t kScoresAtOnce = 256;
constexpr RowId kRowsACall = 65536;

// A Redis that nobody else uses, with nothing on disk.
class OwnRedis {
 public:
  OwnRedis()
      : process_({"redis-server", "--port", std::to_string(port_), "--bind", "127.0.0.1", "--save", "", "--appendonly",
                  "no"},
                 "/dev/null") {
    for (int i = 0; i < 1000; ++i) {
      const auto answer = Client()->Run({{"PING"}});
      if (answer.ok() && answer->front().text == "PONG") return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    Die("redis-server does not start; is it installed?");
  }
  std::unique_ptr<RedisClient> Client() const {
    auto client =
        RedisClient::Create({.address = absl::StrCat("127.0.0.1:", port_), .timeout = std::chrono::seconds(10)});
    if (!client.ok()) Die(std::string(client.status().message()));
    return *std::move(client);
  }

 private:
  const int port_ = perennial::testing::FreePort();
  perennial::testing::Process process_;
};

void Empty(RedisClient& client) {
  if (!client.Run({{"FLUSHALL"}}).ok()) Die("FLUSHALL failed");
}

health::StoredScore ToStored(const health::ScoredBlock& block, std::size_t i, const SampleTable& sample,
                             std::int64_t revision) {
  const health::v1::Scorecard& card = block.scorecard->config();
  const std::string& account = sample.table().account_id(block.rows[i]);
  health::StoredScore out{.account_id = account, .revision = revision};
  health::v1::HealthScore& score = out.score;
  score.set_name(absl::StrCat("accounts/", account, "/healthScore"));
  if (!std::isnan(block.scores[i])) {
    score.set_score(block.scores[i]);
    score.set_band(block.scorecard->BandOf(block.scores[i]));
  }
  score.set_coverage(block.coverage[i]);
  score.set_scorecard(card.id());
  score.set_scorecard_revision(card.revision());
  score.mutable_as_of()->set_seconds(1735603199);
  score.set_facts_revision(revision);
  score.set_revision(revision);
  for (int m = 0; m < card.measures_size(); ++m) {
    const auto at = static_cast<std::size_t>(m);
    if (block.valued[at][i] == 0) continue;
    health::v1::MeasureScore* measure = score.add_measures();
    measure->set_measure(card.measures(m).id());
    measure->set_score(block.points[at][i]);
  }
  return out;
}

// Scores all accounts and hands the scores on, some at a time.
template <class Take>
void ScoreAll(const health::Scorecards& scorecards, const SampleTable& sample, std::int64_t revision, Take take) {
  health::ColumnScoring scoring(scorecards);
  std::vector<health::StoredScore> scores;
  const auto rows = static_cast<RowId>(sample.table().row_count());
  for (RowId first = 0; first < rows; first += kRowsACall) {
    scoring.Score({.table = sample.table(),
                   .first = first,
                   .end = std::min(rows, first + kRowsACall),
                   .as_of = [](RowId) { return absl::UnixEpoch(); },
                   .wanted = [](RowId) { return true; },
                   .carried = [](RowId) -> const health::CarriedFacts* { return nullptr; }},
                  [&](const health::ScoredBlock& block) {
                    for (std::size_t i = 0; i < block.rows.size(); ++i) {
                      scores.push_back(ToStored(block, i, sample, ++revision));
                      if (scores.size() < kScoresAtOnce) continue;
                      take(scores);
                      scores.clear();
                    }
                  });
  }
  if (!scores.empty()) take(scores);
}

struct Pair {
  std::string key;
  std::string value;
};

void SetAll(RedisClient& client, const std::vector<Pair>& pairs) {
  std::vector<RedisCommand> commands;
  for (const Pair& pair : pairs) {
    commands.push_back({"SET", pair.key, pair.value, "PX", "86400000"});
    if (commands.size() < kScoresAtOnce && &pair != &pairs.back()) continue;
    if (!client.Run(commands).ok()) Die("SET failed");
    commands.clear();
  }
}

void CompareAll(RedisClient& client, const std::vector<Pair>& pairs) {
  for (std::size_t begin = 0; begin < pairs.size(); begin += kScoresAtOnce) {
    std::vector<RedisCommand> commands;
    const std::size_t end = std::min(pairs.size(), begin + kScoresAtOnce);
    for (std::size_t i = begin; i < end; ++i) commands.push_back({"GET", pairs[i].key});
    const auto replies = client.Run(commands);
    if (!replies.ok()) Die("GET failed");
    for (std::size_t i = begin; i < end; ++i) {
      if ((*replies)[i - begin].text != pairs[i].value) Die("Redis does not have the score of " + pairs[i].key);
    }
  }
}

}  // namespace

nlohmann::json AgainstPipelinedSet(const health::Scorecards& scorecards, const SampleTable& sample, int rounds) {
  const OwnRedis redis;
  const auto client = redis.Client();
  std::vector<Pair> pairs;
  ScoreAll(scorecards, sample, 0, [&](const std::vector<health::StoredScore>& scores) {
    for (const auto& score : scores) {
      pairs.push_back({health::CacheKey(score.account_id), health::EncodeCached(score, kGeneration)});
    }
  });
  std::size_t bytes = 0;
  for (const Pair& pair : pairs) bytes += pair.value.size();
  std::vector<double> ours_ms;
  std::vector<double> theirs_ms;
  for (int round = 0; round <= rounds; ++round) {
    Empty(*client);
    const double ms = MillisecondsOf([&] {
      health::ScoreCachePut put(*client, kGeneration);
      ScoreAll(scorecards, sample, 0, [&](const std::vector<health::StoredScore>& scores) {
        if (const absl::Status status = put.Write(scores); !status.ok()) Die(status.ToString());
      });
    });
    if (round == 0) CompareAll(*client, pairs);
    Empty(*client);
    const double theirs = MillisecondsOf([&] { SetAll(*client, pairs); });
    if (round == 0) continue;  // warms up
    ours_ms.push_back(ms);
    theirs_ms.push_back(theirs);
  }
  const double ratio = Median(ours_ms) / Median(theirs_ms);
  return {{"benchmark", "all accounts scored anew and stored in Redis (P8)"},
          {"accounts", pairs.size()},
          {"bytes_a_value", static_cast<double>(bytes) / static_cast<double>(pairs.size())},
          {"ms", Median(ours_ms)},
          {"pipelined_set_ms", Median(theirs_ms)},
          {"ratio", ratio},
          {"goal", 2.0},
          {"reached", ratio <= 2.0},
          {"rounds", rounds}};
}

}  // namespace perennial::bench
