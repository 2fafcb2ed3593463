#pragma once

#include <string>

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
  // Store, numbering and clock must outlive this.
  Ingest(Store& store, FactNumbering& numbering, const Clock& clock, std::string currency)
      : store_(store), numbering_(numbering), clock_(clock), currency_(std::move(currency)) {}

  // Applies the records in order in one transaction; returns when it is on disk. A bad record is refused alone. Errors:
  // INVALID_ARGUMENT (no record or too many), RESOURCE_EXHAUSTED (busy), those of storage.
  absl::StatusOr<v1::BatchSummary> Write(const google::protobuf::RepeatedPtrField<v1::Record>& records);

 private:
  Store& store_;
  FactNumbering& numbering_;
  const Clock& clock_;
  const std::string currency_;
};

}  // namespace perennial::accounts
