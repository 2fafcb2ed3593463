#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "common/filter/filter.h"
#include "perennial/accounts/v1/fact_service.pb.h"

namespace perennial::accounts {

// One export of facts as of a moment: where it stands. Not thread-safe.
class FactsExport {
 public:
  // Store and numbering must outlive this.
  FactsExport(Store& store, FactNumbering& numbering, absl::Time as_of, filter::Filter filter)
      : store_(store), numbering_(numbering), as_of_(as_of), filter_(std::move(filter)) {}

  // What comes next, or nothing: all was sent.
  absl::StatusOr<std::optional<v1::ExportFactsResponse>> Next();

 private:
  absl::Status AddPage(ReadTransaction& transaction, v1::ExportFactsResponse& message);
  absl::Status AddAccount(ReadTransaction& transaction, AccountNo no, const std::vector<Metric>& metrics,
                          v1::ExportFactsResponse& message);
  void Announce(v1::ExportFactsResponse& message);

  Store& store_;
  FactNumbering& numbering_;
  const absl::Time as_of_;
  const filter::Filter filter_;
  AccountNo after_ = 0;
  facts::FactId announced_ = 0;
  std::int64_t seen_ = 0;
  bool done_ = false;
};

}  // namespace perennial::accounts
