#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/ingest_service.pb.h"

namespace perennial::accounts {

// Most records of one batch.
constexpr int kMostRecords = 10'000;
// Most usage metrics: each is eight facts of every account that uses anything.
constexpr std::size_t kMostMetrics = 500;

// The rules of IngestService. Thread-safe.
class Ingest {
 public:
  using Records = google::protobuf::RepeatedPtrField<v1::Record>;

  // Store, numbering and clock must outlive this.
  Ingest(Store& store, FactNumbering& numbering, const Clock& clock, std::string currency)
      : store_(store), numbering_(numbering), clock_(clock), currency_(std::move(currency)) {}

  // Applies the records in order in one transaction; returns when it is on disk. A bad record is refused alone. Errors:
  // INVALID_ARGUMENT (no record or too many), RESOURCE_EXHAUSTED (busy), those of storage.
  absl::StatusOr<v1::BatchSummary> Write(const Records& records);
  // The same for several batches one after the other, in one transaction: all are on disk, or none. One summary each.
  absl::StatusOr<std::vector<v1::BatchSummary>> WriteAll(const std::vector<const Records*>& batches);
  // What became of records since the start. Any thread may read it.
  struct Counts {
    std::atomic<std::int64_t> stored = 0;
    std::atomic<std::int64_t> replaced = 0;
    std::atomic<std::int64_t> duplicates = 0;
    std::atomic<std::int64_t> refused = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // INVALID_ARGUMENT when a batch has no record or too many.
  static absl::Status CheckSize(const Records& records);

 private:
  std::vector<absl::Status> CheckAll(const Records& records, absl::Time now) const;

  Store& store_;
  FactNumbering& numbering_;
  const Clock& clock_;
  const std::string currency_;
  Counts counts_;
};

}  // namespace perennial::accounts
