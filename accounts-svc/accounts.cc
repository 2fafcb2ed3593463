#include "accounts-svc/accounts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"

namespace perennial::accounts {
namespace {

constexpr int kMostAncestors = 32;
constexpr std::size_t kMostKeys = 200;
constexpr int kMostInBatch = 1000;
constexpr absl::string_view kAttributePath = "attributes.";

// The id in a request's `name`.
absl::StatusOr<std::string> RequiredId(absl::string_view field, absl::string_view name) {
  auto id = IdOf(name, "accounts");
  if (!id.ok()) return BadField(field, id.status().message());
  return id;
}

// The id in the `name` of a request that has a request_id too.
template <class Request>
absl::StatusOr<std::string> IdOfRequest(const Request& request) {
  BadRequest bad;
  auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return id;
}

// A copy of `base` in which the fields that `paths` names are those of `from`.
AccountState Merge(AccountState base, const AccountState& from, const std::set<std::string>& paths) {
  for (const std::string& path : paths) {
    if (path == "display_name") base.display_name = from.display_name;
    if (path == "parent") base.parent = from.parent;
    if (path == "owner") base.owner = from.owner;
    if (path == "tags") base.tags = from.tags;
    if (path == "attributes") base.attributes = from.attributes;
    if (!absl::StartsWith(path, kAttributePath)) continue;
    const std::string key = path.substr(kAttributePath.size());
    const auto value = from.attributes.find(key);
    if (value == from.attributes.end()) {
      base.attributes.erase(key);
    } else {
      base.attributes[key] = value->second;
    }
  }
  return base;
}

// For the path "attributes.<key>": checks the key, and takes its value over to `checked`.
void AddChecked(const std::string& path, const v1::Account& asked, v1::Account& checked, BadRequest& bad) {
  if (!absl::StartsWith(path, kAttributePath)) return;
  const std::string key = path.substr(kAttributePath.size());
  if (const absl::Status status = CheckKey(key); !status.ok()) {
    bad.Add("update_mask", absl::StrCat("has the path '", path.substr(0, 64), "', whose key ", status.message()));
    return;
  }
  const auto value = asked.attributes().find(key);
  if (value != asked.attributes().end()) (*checked.mutable_attributes())[key] = value->second;
}

// What a change from `effective` on makes of an account: the versions that are new or other than before. The change holds
// from then on, so that it applies to later versions too; the last one, which goes to `present`, is the present state.
absl::StatusOr<std::vector<AccountVersion>> Change(ReadTransaction& transaction, AccountNo no, absl::Time effective,
                                                   const AccountState& from, const std::set<std::string>& paths,
                                                   AccountState& present) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AccountVersion> versions, transaction.ListAccountVersions(no));
  std::vector<AccountVersion> changed;
  const AccountVersion* held = &versions.front();
  for (const AccountVersion& version : versions) {
    if (version.effective <= effective) held = &version;
  }
  const auto apply = [&](const AccountVersion& version, absl::Time since) {
    AccountState state = Merge(version.state, from, paths);
    if (state != version.state) changed.push_back({since, std::move(state)});
  };
  apply(*held, effective);
  for (const AccountVersion& version : versions) {
    if (version.effective > effective) apply(version, version.effective);
  }
  present = Merge(versions.back().state, from, paths);
  return changed;
}

}  // namespace

absl::Status CheckParent(ReadTransaction& transaction, absl::string_view id, const AccountState& state,
                         absl::string_view field) {
  std::string ancestor = state.parent;
  for (int depth = 0; !ancestor.empty(); ++depth) {
    if (ancestor == id) return BadField(field, "must not make the account its own ancestor");
    if (depth == kMostAncestors) return BadField(field, absl::StrCat("has more than ", kMostAncestors, " ancestors"));
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> found, transaction.FindAccount(ancestor));
    if (!found.has_value()) return BadField(field, absl::StrCat("names accounts/", ancestor, ", which does not exist"));
    ancestor = found->state.parent;
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Account> Accounts::Read(absl::string_view id) {
  v1::Account out;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, id));
    PERENNIAL_ASSIGN_OR_RETURN(out, ToProto(account, transaction));
    return absl::OkStatus();
  }));
  return out;
}

absl::StatusOr<v1::CreateAccountResponse> Accounts::Create(const v1::CreateAccountRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  bad.AddIfError("account_id", CheckId(request.account_id()));
  if (!request.has_account()) bad.Add("account", "is required");
  CheckAccountFields(request.account(), request.account_id(), "account.", numbering_, bad);
  CheckTime("account.customer_since", request.account().has_customer_since(), request.account().customer_since(), false, now,
            bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  AccountRecord account{.id = request.account_id(),
                        .state = StateFromProto(request.account()),
                        .customer_since = now,
                        .create_time = now,
                        .update_time = now};
  if (request.account().has_customer_since()) account.customer_since = StoredTime(request.account().customer_since());
  const auto check = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> found, transaction.FindAccount(account.id));
    if (found.has_value()) {
      return WithReason(absl::AlreadyExistsError(absl::StrCat("accounts/", account.id, " exists",
                                                              found->delete_time.has_value() ? "; undelete it" : "")),
                        "ALREADY_EXISTS");
    }
    return CheckParent(transaction, account.id, account.state, "account.parent");
  };
  v1::CreateAccountResponse response;
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(check));
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), ToProto(account, transaction));
      return absl::OkStatus();
    }));
    return response;
  }
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_RETURN_IF_ERROR(check(transaction));
                                  PERENNIAL_RETURN_IF_ERROR(RegisterAttributes(account.state, "account.", numbering_));
                                  PERENNIAL_RETURN_IF_ERROR(transaction.InsertAccount(account));
                                  transaction.Touch(account.no);
                                  return transaction.PutAccountVersion(account.no, account.customer_since, account.state);
                                })
                                .status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), Read(account.id));
  return response;
}

absl::StatusOr<v1::GetAccountResponse> Accounts::Get(const v1::GetAccountRequest& request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string id, RequiredId("name", request.name()));
  v1::GetAccountResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), Read(id));
  return response;
}

absl::StatusOr<v1::BatchGetAccountsResponse> Accounts::BatchGet(const v1::BatchGetAccountsRequest& request) {
  BadRequest bad;
  std::vector<std::string> ids;
  if (request.names_size() == 0) bad.Add("names", "is required");
  if (request.names_size() > kMostInBatch) bad.Add("names", absl::StrCat("must have at most ", kMostInBatch, " elements"));
  for (int i = 0; i < request.names_size() && i < kMostInBatch; ++i) {
    auto id = IdOf(request.names(i), "accounts");
    bad.AddIfError(absl::StrCat("names[", i, "]"), id.status());
    if (id.ok()) ids.push_back(*std::move(id));
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::BatchGetAccountsResponse response;
  std::vector<std::string> missing;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    for (const std::string& id : ids) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> account, transaction.FindAccount(id));
      if (!account.has_value()) {
        missing.push_back(absl::StrCat("accounts/", id));
        continue;
      }
      PERENNIAL_ASSIGN_OR_RETURN(*response.add_accounts(), ToProto(*account, transaction));
    }
    return absl::OkStatus();
  }));
  if (missing.empty()) return response;
  std::string names = absl::StrJoin(missing, ", ");
  if (names.size() > 1000) names = absl::StrCat(names.substr(0, 1000), "...");
  return WithReason(absl::NotFoundError(absl::StrCat(names, missing.size() == 1 ? " does" : " do", " not exist")), "NOT_FOUND");
}

absl::StatusOr<v1::UpdateAccountResponse> Accounts::Update(const v1::UpdateAccountRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  if (!request.has_account()) bad.Add("account", "is required");
  const auto id = IdOf(request.account().name(), "accounts");
  bad.AddIfError("account.name", id.status());
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  const std::set<std::string> paths = ResolveUpdateMask(
      request.account(), request.has_update_mask() ? &request.update_mask() : nullptr,
      {"display_name", "parent", "owner", "tags", "attributes", "customer_since"}, {"attributes"},
      {"name", "phase", "phase_start_time", "create_time", "update_time", "delete_time", "etag", "revision"}, bad);
  const bool since = paths.contains("customer_since");
  if (since) {
    CheckTime("account.customer_since", request.account().has_customer_since(), request.account().customer_since(), true, now,
              bad);
  }
  v1::Account checked = request.account();
  // Only what is going to be stored is checked; a valid name stands in for one that stays.
  if (!paths.contains("display_name")) checked.set_display_name("-");
  if (!paths.contains("parent")) checked.clear_parent();
  if (!paths.contains("owner")) checked.clear_owner();
  if (!paths.contains("tags")) checked.clear_tags();
  if (!paths.contains("attributes")) {
    checked.clear_attributes();
    for (const std::string& path : paths) AddChecked(path, request.account(), checked, bad);
  }
  CheckAccountFields(checked, id.value_or(""), "account.", numbering_, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const absl::Time effective = request.has_effective_time() ? ToTime(request.effective_time()) : now;
  v1::UpdateAccountResponse response;
  AccountRecord account;
  std::vector<AccountVersion> changed;
  const auto merge = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(account, LiveAccount(transaction, *id));
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.account().etag(), account.version, "account"));
    PERENNIAL_ASSIGN_OR_RETURN(changed, Change(transaction, account.no, effective, StateFromProto(request.account()), paths,
                                               account.state));
    if (account.state.attributes.size() > kMostKeys) return BadField("account.attributes", "must have at most 200 keys");
    return CheckParent(transaction, account.id, account.state, "account.parent");
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_RETURN_IF_ERROR(merge(transaction));
      if (since) account.customer_since = StoredTime(request.account().customer_since());
      PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), ToProto(account, transaction));
      return absl::OkStatus();
    }));
    return response;
  }
  PERENNIAL_RETURN_IF_ERROR(
      store_
          .Write([&](WriteTransaction& transaction) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
            if (!first) return absl::OkStatus();
            PERENNIAL_RETURN_IF_ERROR(merge(transaction));
            const absl::Time customer_since = since ? StoredTime(request.account().customer_since()) : account.customer_since;
            if (changed.empty() && customer_since == account.customer_since) return absl::OkStatus();
            PERENNIAL_RETURN_IF_ERROR(RegisterAttributes(account.state, "account.", numbering_));
            account.customer_since = customer_since;
            account.update_time = now;
            ++account.version;
            PERENNIAL_RETURN_IF_ERROR(transaction.UpdateAccount(account));
            for (const AccountVersion& version : changed) {
              PERENNIAL_RETURN_IF_ERROR(transaction.PutAccountVersion(account.no, version.effective, version.state));
            }
            transaction.Touch(account.no);
            return absl::OkStatus();
          })
          .status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), Read(*id));
  return response;
}

absl::StatusOr<v1::DeleteAccountResponse> Accounts::Delete(const v1::DeleteAccountRequest& request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string id, IdOfRequest(request));
  const absl::Time now = clock_.Now();
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_ASSIGN_OR_RETURN(AccountRecord account, LiveAccount(transaction, id));
                                  PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), account.version, "account"));
                                  account.delete_time = account.update_time = now;
                                  ++account.version;
                                  transaction.Touch(account.no);
                                  PERENNIAL_RETURN_IF_ERROR(transaction.RenumberTasks(account.no));
                                  PERENNIAL_RETURN_IF_ERROR(transaction.MarkLedger(account.no, true));
                                  return transaction.UpdateAccount(account);
                                })
                                .status());
  v1::DeleteAccountResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), Read(id));
  return response;
}

absl::StatusOr<v1::UndeleteAccountResponse> Accounts::Undelete(const v1::UndeleteAccountRequest& request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string id, IdOfRequest(request));
  const absl::Time now = clock_.Now();
  PERENNIAL_RETURN_IF_ERROR(
      store_
          .Write([&](WriteTransaction& transaction) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
            if (!first) return absl::OkStatus();
            PERENNIAL_ASSIGN_OR_RETURN(AccountRecord account, KnownAccount(transaction, id));
            if (!account.delete_time.has_value()) {
              return WithReason(absl::AlreadyExistsError(absl::StrCat("accounts/", id, " is not deleted")), "NOT_DELETED");
            }
            account.delete_time.reset();
            account.update_time = now;
            ++account.version;
            transaction.Touch(account.no);
            PERENNIAL_RETURN_IF_ERROR(transaction.RenumberTasks(account.no));
            PERENNIAL_RETURN_IF_ERROR(transaction.MarkLedger(account.no, false));
            return transaction.UpdateAccount(account);
          })
          .status());
  v1::UndeleteAccountResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_account(), Read(id));
  return response;
}

absl::StatusOr<v1::ListPhaseChangesResponse> Accounts::ListPhaseChanges(const v1::ListPhaseChangesRequest& request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string id, RequiredId("parent", request.parent()));
  v1::ListPhaseChangesResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, id));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseChange> changes, transaction.ListPhaseChanges(account.no));
    for (const PhaseChange& change : changes) *response.add_phase_changes() = ToProto(change);
    return absl::OkStatus();
  }));
  return response;
}

}  // namespace perennial::accounts
