#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/record_service.pb.h"

namespace perennial::accounts {

class DailyUsageExport;
class RecordExport;

// The rules of RecordService: each method checks its request, names everything that is wrong with it, and changes all
// or nothing. Thread-safe. Errors are those that the proto lists for the method.
class Records {
 public:
  // All must outlive this.
  Records(Store& store, FactNumbering& numbering, const Clock& clock, std::string currency)
      : store_(store), numbering_(numbering), clock_(clock), currency_(std::move(currency)) {}

  absl::StatusOr<v1::GetRecordResponse> Get(const v1::GetRecordRequest& request);
  absl::StatusOr<v1::CorrectRecordResponse> Correct(const v1::CorrectRecordRequest& request);
  absl::StatusOr<v1::DeleteRecordResponse> Delete(const v1::DeleteRecordRequest& request);
  absl::StatusOr<v1::ListRecordChangesResponse> ListChanges(const v1::ListRecordChangesRequest& request);
  // Checks the request of an export; RecordExport then carries it out.
  absl::StatusOr<RecordExport> Export(const v1::ExportRecordsRequest& request);
  // The same for DailyUsageExport.
  absl::StatusOr<DailyUsageExport> ExportDailyUsage(const v1::ExportDailyUsageRequest& request);

 private:
  Store& store_;
  FactNumbering& numbering_;
  const Clock& clock_;
  const std::string currency_;
};

}  // namespace perennial::accounts
