#include "accounts-svc/purge.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr int kRowsAWrite = 5000;

absl::Status EraseRest(Store& store, AccountNo no, const std::function<bool()>& stop) {
  bool more = true;
  while (more && !stop()) {
    PERENNIAL_RETURN_IF_ERROR(store
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(more, transaction.PurgeSome(no, kRowsAWrite));
                                    return absl::OkStatus();
                                  })
                                  .status());
  }
  if (!more) store.Scrub();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::PurgeAccountResponse> PurgeAccount(Store& store, const Clock& clock,
                                                      const v1::PurgeAccountRequest& request) {
  BadRequest bad;
  const auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const absl::Time now = clock.Now();
  PurgedAccount tombstone;
  v1::PurgeAccountResponse response;
  const auto purge = [&](WriteTransaction& transaction) -> absl::Status {
    response.Clear();
    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
    if (!first) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<PurgedAccount> found, transaction.FindTombstone(*id));
      if (found.has_value()) tombstone = *found;
      return absl::OkStatus();
    }
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, *id));
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), account.version, "account"));
    if (!account.delete_time.has_value()) {
      return WithReason(
          absl::FailedPreconditionError(absl::StrCat("accounts/", *id, " is not deleted; delete it first")),
          "NOT_DELETED");
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t records, transaction.CountRecords(account.no));
    PERENNIAL_ASSIGN_OR_RETURN(tombstone.revision, transaction.BeginPurge(account, now));
    tombstone.account = account.no;
    response.set_records_erased(records);
    return absl::OkStatus();
  };
  PERENNIAL_RETURN_IF_ERROR(store.Write(purge).status());
  PERENNIAL_RETURN_IF_ERROR(EraseRest(store, tombstone.account, [] { return false; }));
  response.set_revision(tombstone.revision);
  return response;
}

absl::Status FinishPurges(Store& store, const std::function<bool()>& stop) {
  std::vector<AccountNo> numbers;
  PERENNIAL_RETURN_IF_ERROR(store.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(numbers, transaction.ListPurges());
    return absl::OkStatus();
  }));
  for (const AccountNo no : numbers) PERENNIAL_RETURN_IF_ERROR(EraseRest(store, no, stop));
  return absl::OkStatus();
}

}  // namespace perennial::accounts
