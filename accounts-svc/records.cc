#include "accounts-svc/records.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/care.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/check_record.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/ingest.h"
#include "accounts-svc/paging.h"
#include "accounts-svc/record_content.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr std::size_t kMostReason = 1000;
constexpr std::size_t kMostAuthor = 128;

// Which record is meant.
struct Key {
  std::string account;  // id
  v1::RecordKind kind = v1::RECORD_KIND_UNSPECIFIED;
  std::string record_id;
};

// A record as it stands.
struct Standing {
  AccountNo no = 0;
  v1::Record newest;
  // All its states, serialized; those of a ticket may be several.
  std::vector<std::string> states;
};

template <class Request>
Key CheckKeyOf(const Request& request, BadRequest& bad) {
  const auto account = IdOf(request.account(), "accounts");
  bad.AddIfError("account", account.status());
  if (request.kind() == v1::RECORD_KIND_UNSPECIFIED || !v1::RecordKind_IsValid(request.kind())) {
    bad.Add("kind", "is required and must be a known kind");
  }
  CheckRecordId("record_id", request.record_id(), bad);
  return {account.value_or(""), request.kind(), request.record_id()};
}

void CheckWhyAndWho(const std::string& reason, const std::string& author, BadRequest& bad) {
  CheckText("reason", reason, 1, kMostReason, bad);
  CheckText("author", author, 1, kMostAuthor, bad);
}

absl::Status NoSuchRecord(const Key& key) {
  return NoSuch(absl::StrCat(v1::RecordKind_Name(key.kind), " \"", key.record_id, "\" of accounts/", key.account));
}

absl::StatusOr<std::string> NameOfMetric(ReadTransaction& transaction, std::int64_t no) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
  for (const Metric& metric : metrics) {
    if (metric.no == no) return metric.name;
  }
  return absl::DataLossError("a stored event is of no known metric");
}

// NOT_FOUND without the account or the record.
absl::StatusOr<Standing> Find(ReadTransaction& transaction, const Key& key) {
  PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, key.account));
  Standing standing{.no = account.no, .newest = {}, .states = {}};
  if (const std::optional<RecordKind> kind = StoredKind(key.kind); kind.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<StoredRecord> states,
                               transaction.ListRecordStates(account.no, *kind, key.record_id));
    if (states.empty()) return NoSuchRecord(key);
    PERENNIAL_ASSIGN_OR_RETURN(standing.newest, ReadRecord(states.back().payload));
    for (const StoredRecord& state : states) standing.states.push_back(state.payload);
    return standing;
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<UsageEvent> event, transaction.FindUsage(account.no, key.record_id));
  if (!event.has_value() || event->deleted) return NoSuchRecord(key);
  PERENNIAL_ASSIGN_OR_RETURN(const std::string metric, NameOfMetric(transaction, event->metric));
  standing.newest = UsageRecord(key.account, metric, *event);
  standing.states = {standing.newest.SerializeAsString()};
  return standing;
}

// Number of the metric of an event that is corrected; a new one is added like by ingestion.
absl::StatusOr<std::int64_t> MetricFor(WriteTransaction& transaction, const std::string& name, absl::Time time) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
  const bool known =
      std::any_of(metrics.begin(), metrics.end(), [&](const Metric& metric) { return metric.name == name; });
  if (!known && metrics.size() >= kMostMetrics) {
    return BadField("record.usage.metric",
                    absl::StrCat("would be a new metric, and there are ", kMostMetrics, ", the most"));
  }
  return transaction.MetricNo(name, time);
}

// `record` as it is stored.
v1::Record Normal(const Key& key, const v1::Record& record) {
  if (const std::optional<RecordKind> kind = StoredKind(key.kind); kind.has_value()) {
    v1::Record normal = record;
    if (kind == RecordKind::kTicket)
      SetTimestamp(TicketUpdateTime(record), normal.mutable_ticket()->mutable_update_time());
    return normal;
  }
  return UsageRecord(key.account, record.usage().metric(), ToUsageEvent(record, 0));
}

// Puts `after` in the place of what stands, or nothing but the record's id.
absl::Status Replace(WriteTransaction& transaction, const Key& key, const Standing& standing, const v1::Record* after) {
  transaction.Touch(standing.no);
  for (const std::string& state : standing.states) {
    if (after == nullptr) break;  // of a deleted record everything counts as duplicate
    PERENNIAL_RETURN_IF_ERROR(transaction.PutFormerRecord(standing.no, key.kind, key.record_id, state));
  }
  if (const std::optional<RecordKind> kind = StoredKind(key.kind); kind.has_value()) {
    if (after != nullptr) return transaction.ReplaceRecord(standing.no, ToStored(*kind, *after));
    return transaction.ReplaceRecord(standing.no, {.kind = *kind, .record_id = key.record_id, .deleted = true});
  }
  if (after == nullptr) {
    UsageEvent mark;
    mark.record_id = key.record_id;
    mark.deleted = true;
    return transaction.ReplaceUsage(standing.no, mark);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t metric,
                             MetricFor(transaction, after->usage().metric(), StoredTime(after->event_time())));
  return transaction.ReplaceUsage(standing.no, ToUsageEvent(*after, metric));
}

absl::Status ToProto(const std::string& account_id, const RecordChange& change, v1::RecordChange* out) {
  out->set_account(absl::StrCat("accounts/", account_id));
  out->set_kind(static_cast<v1::RecordKind>(change.kind));
  out->set_record_id(change.record_id);
  PERENNIAL_ASSIGN_OR_RETURN(*out->mutable_before(), ReadRecord(change.before));
  if (change.after.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(*out->mutable_after(), ReadRecord(*change.after));
  }
  out->set_reason(change.reason);
  out->set_author(change.author);
  SetTimestamp(change.time, out->mutable_change_time());
  return absl::OkStatus();
}

// What a request that was already carried out is answered with: the record's newest change.
template <class Response>
absl::Status AnswerAgain(ReadTransaction& transaction, const Key& key, Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, key.account));
  PERENNIAL_ASSIGN_OR_RETURN(const auto change, transaction.FindRecordChange(account.no, key.kind, key.record_id));
  if (!change.has_value()) return absl::OkStatus();  // the record was already so
  return ToProto(key.account, *change, response.mutable_change());
}

RecordChange ChangeOf(const Key& key, const Standing& standing, const v1::Record* after, const std::string& reason,
                      const std::string& author, absl::Time now) {
  RecordChange change{.kind = key.kind,
                      .record_id = key.record_id,
                      .time = now,
                      .reason = reason,
                      .author = author,
                      .before = standing.newest.SerializeAsString()};
  if (after != nullptr) change.after = after->SerializeAsString();
  return change;
}

// The record of a correction, with every bad field of it named.
Key CheckCorrected(const v1::CorrectRecordRequest& request, absl::Time now, absl::string_view currency,
                   const FactNumbering& numbering, BadRequest& bad) {
  const v1::Record& record = request.record();
  const Key key{std::string(absl::StripPrefix(record.account(), "accounts/")), KindOf(record), record.record_id()};
  if (!request.has_record()) {
    bad.Add("record", "is required");
    return key;
  }
  if (record.has_account_state() || record.has_subscription_state()) {
    bad.Add(record.has_account_state() ? "record.account_state" : "record.subscription_state",
            "is no record of its own; change it with UpdateAccount or UpdateSubscription");
    return key;
  }
  BadRequest of_record;
  CheckRecord(record, now, currency, numbering, of_record);
  bad.AddAll("record.", of_record);
  return key;
}

}  // namespace

absl::StatusOr<v1::GetRecordResponse> Records::Get(const v1::GetRecordRequest& request) {
  BadRequest bad;
  const Key key = CheckKeyOf(request, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::GetRecordResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(Standing standing, Find(transaction, key));
    *response.mutable_record() = std::move(standing.newest);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::CorrectRecordResponse> Records::Correct(const v1::CorrectRecordRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  const Key key = CheckCorrected(request, now, currency_, numbering_, bad);
  CheckWhyAndWho(request.reason(), request.author(), bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const v1::Record after = Normal(key, request.record());
  v1::CorrectRecordResponse response;
  // What stands, unless it is already so.
  const auto prepare = [&](ReadTransaction& transaction) -> absl::StatusOr<std::optional<Standing>> {
    response.Clear();
    PERENNIAL_ASSIGN_OR_RETURN(Standing standing, Find(transaction, key));
    if (standing.states.size() == 1 && standing.states.front() == after.SerializeAsString()) return std::nullopt;
    const RecordChange change = ChangeOf(key, standing, &after, request.reason(), request.author(), now);
    PERENNIAL_RETURN_IF_ERROR(ToProto(key.account, change, response.mutable_change()));
    return standing;
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_RETURN_IF_ERROR(prepare(transaction).status());
      PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision, transaction.LastRevision());
      response.set_revision(revision);
      return absl::OkStatus();
    }));
    return response;
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      const std::int64_t revision, store_.Write([&](WriteTransaction& transaction) -> absl::Status {
        PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
        if (!first) return AnswerAgain(transaction, key, response);
        PERENNIAL_ASSIGN_OR_RETURN(const std::optional<Standing> standing, prepare(transaction));
        if (!standing.has_value()) return absl::OkStatus();
        PERENNIAL_RETURN_IF_ERROR(Replace(transaction, key, *standing, &after));
        RecordChange change = ChangeOf(key, *standing, &after, request.reason(), request.author(), now);
        return transaction.PutRecordChange(standing->no, change);
      }));
  response.set_revision(revision);
  return response;
}

absl::StatusOr<v1::DeleteRecordResponse> Records::Delete(const v1::DeleteRecordRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  const Key key = CheckKeyOf(request, bad);
  CheckWhyAndWho(request.reason(), request.author(), bad);
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::DeleteRecordResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(
      const std::int64_t revision, store_.Write([&](WriteTransaction& transaction) -> absl::Status {
        response.Clear();
        PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
        if (!first) return AnswerAgain(transaction, key, response);
        PERENNIAL_ASSIGN_OR_RETURN(const Standing standing, Find(transaction, key));
        PERENNIAL_RETURN_IF_ERROR(Replace(transaction, key, standing, nullptr));
        RecordChange change = ChangeOf(key, standing, nullptr, request.reason(), request.author(), now);
        PERENNIAL_RETURN_IF_ERROR(ToProto(key.account, change, response.mutable_change()));
        return transaction.PutRecordChange(standing.no, change);
      }));
  response.set_revision(revision);
  return response;
}

absl::StatusOr<v1::ListRecordChangesResponse> Records::ListChanges(const v1::ListRecordChangesRequest& request) {
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, absl::StrCat(request.parent(), "\nrecord changes"), bad);
  const std::int64_t before = page.Before(bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListRecordChangesResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<RecordChange> changes,
                               transaction.ListRecordChanges(account.no, before, page.limit()));
    return page.Fill(
        changes, response, [](const RecordChange& change) { return absl::StrCat(change.no); },
        [&](const RecordChange& change) { return ToProto(account.id, change, response.add_changes()); });
  }));
  return response;
}

}  // namespace perennial::accounts
