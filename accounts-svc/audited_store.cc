#include "accounts-svc/audited_store.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/tasks.h"
#include "common/base/call_info.h"
#include "common/base/status_macros.h"
#include "common/server/audited_change.h"
#include "perennial/accounts/v1/contact.pb.h"
#include "perennial/accounts/v1/goal.pb.h"

namespace perennial::accounts {
namespace {

// Resources whose state before and after a change is told.
bool IsKnownKind(const std::vector<std::string>& parts) {
  if (parts.size() == 2) return parts[0] == "accounts";
  return parts.size() == 4 && parts[0] == "accounts" &&
         (parts[2] == "subscriptions" || parts[2] == "contacts" || parts[2] == "goals" || parts[2] == "tasks");
}

template <class Message>
absl::StatusOr<std::string> CareJson(ReadTransaction& transaction, AccountNo no, CareKind kind,
                                     const std::vector<std::string>& parts, absl::string_view resource) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto record, transaction.FindCare(no, kind, parts[3]));
  if (!record.has_value()) return std::string();
  Message message;
  if (!message.ParseFromString(record->payload)) return absl::DataLossError("a stored resource cannot be read");
  message.set_name(std::string(resource));
  return AuditedJson(message);
}

// Corrections of records keep a history of their own, which goes with the account; that they were made is enough here.
bool IsOfRecord(absl::string_view method) { return absl::StrContains(method, ".RecordService/"); }

// Moves of an account's phase follow from more than the account itself tells.
bool IsMove(absl::string_view method) {
  return absl::EndsWith(method, "/MoveAccountPhase") || absl::EndsWith(method, "/UndoPhaseMove");
}

bool OnlyTries(const google::protobuf::Message& request) {
  const auto* field = request.GetDescriptor()->FindFieldByName("validate_only");
  return field != nullptr && request.GetReflection()->GetBool(request, field);
}

}  // namespace

absl::StatusOr<std::string> AuditedStore::ContentOf(ReadTransaction& transaction, absl::string_view resource) const {
  const std::vector<std::string> parts = absl::StrSplit(resource, '/');
  if (!IsKnownKind(parts)) return std::string();
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> account, transaction.FindAccount(parts[1]));
  if (!account.has_value()) return std::string();
  if (parts.size() == 2) {
    PERENNIAL_ASSIGN_OR_RETURN(const v1::Account message, ToProto(*account, transaction));
    return AuditedJson(message);
  }
  if (parts[2] == "contacts") {
    return CareJson<v1::Contact>(transaction, account->no, CareKind::kContact, parts, resource);
  }
  if (parts[2] == "goals") return CareJson<v1::Goal>(transaction, account->no, CareKind::kGoal, parts, resource);
  if (parts[2] == "tasks") {
    PERENNIAL_ASSIGN_OR_RETURN(const auto task, transaction.FindTask(account->no, parts[3]));
    if (!task.has_value()) return std::string();
    PERENNIAL_ASSIGN_OR_RETURN(const v1::Task message, ToProto(*task));
    return AuditedJson(message);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const auto subscription, transaction.FindSubscription(account->no, parts[3]));
  if (!subscription.has_value()) return std::string();
  return AuditedJson(ToProto(parts[1], *subscription, currency_));
}

absl::StatusOr<std::int64_t> AuditedStore::Write(const std::function<absl::Status(WriteTransaction&)>& body) {
  const CallInfo* const call = CurrentCall();
  if (call == nullptr || call->request == nullptr || !IsAudited(call->method) || OnlyTries(*call->request)) {
    return store_.Write(body);
  }
  // Outside, as the body may be run again: the entry keeps its id.
  const AuditedChange change = ChangeBy(*call, clock_.Now());
  const std::string asked = AuditedJson(*call->request);
  const bool known = IsKnownKind(absl::StrSplit(change.resource, '/')) && !IsMove(change.method);
  const bool purge = absl::EndsWith(change.method, "/PurgeAccount");
  return store_.Write([&, this](WriteTransaction& transaction) -> absl::Status {
    AuditedChange entry = change;
    PERENNIAL_ASSIGN_OR_RETURN(entry.old_value, ContentOf(transaction, change.resource));
    PERENNIAL_RETURN_IF_ERROR(body(transaction));
    PERENNIAL_ASSIGN_OR_RETURN(entry.new_value, ContentOf(transaction, change.resource));
    if (known && entry.new_value == entry.old_value) return absl::OkStatus();
    if (!known && !IsOfRecord(change.method)) entry.new_value = asked;
    if (purge) entry.old_value.clear();
    return transaction.PutAuditEntry(entry);
  });
}

}  // namespace perennial::accounts
