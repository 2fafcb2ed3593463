#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"

namespace perennial::accounts {

// Most attribute keys of all accounts together: each is a column of every reader of the feed.
constexpr std::size_t kMostAttributes = 2000;

// Ids of the facts of one usage metric.
struct MetricFacts {
  facts::FactId sum_7d, sum_30d, sum_prev_30d, change_30d, sum_90d, active_days_30d, users_30d, days_since_last;
};

// The catalogue of this process: which fact has which number. Numbers here never change while the process lives.
// Thread-safe.
//
// Rows of the feed are stored with the numbers that the store's own catalogue gives the facts. A new fact is written
// there by the commit that first uses it (see Unsaved and MarkSaved). Where several processes share the store, another
// one may have added facts first, so that the same fact has another number there than here: ToStored and LocalIds
// translate.
class FactNumbering {
 public:
  // Takes what the store has, in order of id. Every id from 0 on must be there.
  absl::Status Load(const std::vector<facts::FactDefinition>& saved) { return Learn(0, saved); }
  // Takes what the store has from id `first` on; what is known already is skipped. The writer does so at the beginning
  // of each transaction; ToStored of a fact that is not saved may change then, and only then. DATA_LOSS when the
  // store's catalogue has a hole or a fact twice.
  absl::Status Learn(facts::FactId first, const std::vector<facts::FactDefinition>& saved);
  // How many of the store's definitions are known: where to go on learning.
  [[nodiscard]] facts::FactId saved() const;
  // Adds definitions that are new.
  absl::Status AddAll(const std::vector<facts::FactDefinition>& definitions);

  // Id of a fact that is known to exist.
  [[nodiscard]] facts::FactId Fixed(absl::string_view name) const;
  // Ids of a metric's facts, added when it is new.
  MetricFacts ForMetric(std::int64_t metric_no, absl::string_view name);
  // Id of an attribute's fact, added when it is new. FAILED_PRECONDITION when it has another type, RESOURCE_EXHAUSTED
  // when there are kMostAttributes already.
  absl::StatusOr<facts::FactId> ForAttribute(absl::string_view key, facts::FactType type);

  // The same row with the store's numbers; for the writer, between learning and its commit.
  [[nodiscard]] facts::FactRow ToStored(const facts::FactRow& row) const;
  // The store's number of a fact, or the one that it will get; facts::kNotAnnounced for one that has none.
  [[nodiscard]] facts::FactId ToStored(facts::FactId id) const;
  // For each of the store's numbers the one here.
  [[nodiscard]] std::vector<facts::FactId> LocalIds() const;

  // Definitions that may not be in the store yet, from the store's number `first` on.
  struct Tail {
    facts::FactId first = 0;
    std::vector<facts::FactDefinition> definitions;
  };
  [[nodiscard]] Tail Unsaved() const;
  // All before the store's number `end` are in the store now.
  void MarkSaved(facts::FactId end);

  // OK unless the attribute has another type already, or would be one too many. Adds nothing.
  absl::Status CheckAttribute(absl::string_view key, facts::FactType type) const;

  // Calls `use` with the catalogue; it must not change meanwhile.
  template <class Use>
  auto WithCatalogue(Use use) const {
    const std::shared_lock lock(mu_);
    return use(static_cast<const facts::FactCatalogue&>(catalogue_));
  }

 private:
  absl::StatusOr<facts::FactId> Add(facts::FactDefinition definition);
  absl::Status LearnOne(const facts::FactDefinition& definition);
  void Renumber();

  mutable std::shared_mutex mu_;
  facts::FactCatalogue catalogue_;
  std::vector<facts::FactId> stored_of_;  // by number here; of those not saved, what they will get
  std::vector<facts::FactId> local_of_;   // by the store's number
  std::vector<facts::FactId> unsaved_;    // numbers here, in the order in which they will be saved
  bool same_ = true;                      // both numberings agree
  // By the metric's number. A write that failed may have given the number to a metric of another name.
  struct NamedMetric {
    std::string name;
    MetricFacts facts;
  };
  absl::flat_hash_map<std::int64_t, NamedMetric> metrics_;
  std::size_t attributes_ = 0;
};

// The fact of that name, if there is one and it is a number.
std::optional<facts::FactId> FindNumber(absl::string_view name, const FactNumbering& numbering);

}  // namespace perennial::accounts
