#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "accounts-svc/store/store.h"
#include "perennial/accounts/v1/record_service.pb.h"

namespace perennial::accounts {

// An export of everything that is kept of one account or of all of them.
class RecordExport {
 public:
  // Takes a message of about kMessageBytes, waiting until its reader has room for it; an error ends the export.
  using Send = std::function<absl::Status(v1::ExportRecordsResponse message)>;
  static constexpr std::size_t kMessageBytes = std::size_t{256} << 10;

  // The store must outlive this. Without `account_id`: all live accounts.
  RecordExport(Store& store, std::string currency, std::optional<std::string> account_id)
      : store_(store), currency_(std::move(currency)), account_id_(std::move(account_id)) {}

  // Reads one state of the store and sends it, message by message, in bounded memory. Holds that state, and a reader of
  // the store, until it returns. NOT_FOUND when there is no such account, the error of `send`, or one of storage.
  absl::Status Run(const Send& send) const;

 private:
  Store& store_;
  const std::string currency_;
  const std::optional<std::string> account_id_;
};

}  // namespace perennial::accounts
