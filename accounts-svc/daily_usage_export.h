#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "accounts-svc/store/store.h"
#include "perennial/accounts/v1/record_service.pb.h"

namespace perennial::accounts {

// An export of one metric of all live accounts, day by day.
class DailyUsageExport {
 public:
  // Takes a message of about kMessageBytes, waiting until its reader has room for it; an error ends the export.
  using Send = std::function<absl::Status(v1::ExportDailyUsageResponse message)>;
  static constexpr std::size_t kMessageBytes = 256 << 10;

  // `store` must outlive this. Only events before `end` count.
  DailyUsageExport(Store& store, std::string metric, absl::Time end)
      : store_(store), metric_(std::move(metric)), end_(end) {}

  // Reads one state of the store and sends it, message by message, in bounded memory. Holds that state, and a reader of
  // the store, until it returns. NOT_FOUND when no account has that metric, the error of `send`, or one of storage.
  absl::Status Run(const Send& send) const;

 private:
  Store& store_;
  const std::string metric_;
  const absl::Time end_;
};

}  // namespace perennial::accounts
