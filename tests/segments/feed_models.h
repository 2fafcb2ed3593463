#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "perennial/accounts/v1/fact_service.pb.h"
#include "perennial/health/v1/health_score_service.pb.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::segments::testing {

// A fact's value in a test.
using Value = std::variant<double, std::string, bool, absl::Time>;
using Values = std::map<std::string, Value>;

// 2024-12-31T23:59:59Z.
absl::Time TestTime();

// The compacted feed of accounts-svc, as a model: the newest facts of each account, in order of revision.
class AccountsFeed {
 public:
  // Makes a fact known without a value. Values make their facts known by themselves.
  void Define(const std::string& name, facts::FactType type, const std::string& unit = "");
  // Replaces the facts of an account; returns the revision.
  std::int64_t Put(const std::string& account, const Values& values, absl::Time as_of = TestTime());
  std::int64_t Delete(const std::string& account, absl::Time as_of = TestTime());
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  // Everything newer than `revision`, in one message that has caught up.
  [[nodiscard]] perennial::accounts::v1::WatchFactsResponse Since(std::int64_t revision) const;

 private:
  struct Row {
    std::int64_t revision = 0;
    bool deleted = false;
    absl::Time as_of;
    facts::FactRow facts;
  };
  facts::FactCatalogue catalogue_;
  std::map<std::string, Row> rows_;
  std::int64_t revision_ = 0;
};

// The same for health-svc.
class ScoresFeed {
 public:
  struct Score {
    std::optional<double> score = std::nullopt;
    std::string band = {};
    std::vector<std::string> open_flags = {};
    std::map<std::string, double> measures = {};
    std::int64_t facts_revision = 0;
    std::optional<absl::Time> band_time = std::nullopt;
  };
  std::int64_t Put(const std::string& account, const Score& score, absl::Time as_of = TestTime());
  std::int64_t Delete(const std::string& account);
  // Facts up to this revision have been scored.
  void SetFactsRevision(std::int64_t revision) { facts_revision_ = revision; }
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  [[nodiscard]] perennial::health::v1::WatchHealthScoresResponse Since(std::int64_t revision) const;

 private:
  std::map<std::string, perennial::health::v1::HealthScoreUpdate> rows_;
  std::int64_t revision_ = 0;
  std::int64_t facts_revision_ = 0;
};

// The feed of values.
class ValuesFeed {
 public:
  std::int64_t Put(const std::string& account, double clv, std::int64_t facts_revision);
  // Facts up to this revision have been valued.
  void SetFactsRevision(std::int64_t revision) { facts_revision_ = revision; }
  [[nodiscard]] std::int64_t revision() const { return revision_; }
  [[nodiscard]] perennial::health::v1::WatchValuesResponse Since(std::int64_t revision) const;

 private:
  std::map<std::string, perennial::health::v1::ValueUpdate> rows_;
  std::int64_t revision_ = 0;
  std::int64_t facts_revision_ = 0;
};

}  // namespace perennial::segments::testing
