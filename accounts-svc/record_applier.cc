#include "accounts-svc/record_applier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/accounts.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/exchange_rates.h"
#include "accounts-svc/facts/exchange.h"
#include "accounts-svc/ingest.h"
#include "accounts-svc/record_content.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

absl::Status IdReused() {
  return WithReason(absl::AlreadyExistsError("record_id already stands for another content; choose another id"),
                    "RECORD_ID_REUSED");
}

}  // namespace

absl::StatusOr<Outcome> RecordApplier::Apply(const v1::Record& record) {
  if (record.has_account_state()) return ApplyAccount(record);
  PERENNIAL_ASSIGN_OR_RETURN(const AccountNo no,
                             LiveAccountNo(std::string(absl::StripPrefix(record.account(), "accounts/"))));
  switch (record.kind_case()) {
    case v1::Record::kUsage: return ApplyUsage(no, record);
    case v1::Record::kTicket: return ApplyEvent(no, RecordKind::kTicket, record);
    case v1::Record::kTouchpoint: return ApplyEvent(no, RecordKind::kTouchpoint, record);
    case v1::Record::kSurvey: return ApplyEvent(no, RecordKind::kSurvey, record);
    case v1::Record::kMilestone: return ApplyEvent(no, RecordKind::kMilestone, record);
    case v1::Record::kChurnReport: return ApplyEvent(no, RecordKind::kChurnReport, record);
    case v1::Record::kSubscriptionState: return ApplySubscription(no, record);
    default: return absl::InternalError("an unchecked record");
  }
}

absl::StatusOr<AccountNo> RecordApplier::LiveAccountNo(const std::string& id) {
  const auto known = accounts_.find(id);
  if (known != accounts_.end()) return known->second;
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<AccountNo> no, transaction_.FindLiveNo(id));
  if (!no.has_value()) {  // which says why
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction_, id));
    no = account.no;
  }
  accounts_.emplace(id, *no);
  return *no;
}

absl::StatusOr<std::optional<std::int64_t>> RecordApplier::KnownMetric(const std::string& name) {
  if (!metrics_loaded_) {
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<Metric> metrics, transaction_.ListMetrics());
    for (Metric& metric : metrics) metrics_.emplace(metric.name, metric);
    metrics_loaded_ = true;
  }
  const auto found = metrics_.find(name);
  if (found == metrics_.end()) return std::nullopt;
  return found->second.no;
}

absl::StatusOr<Outcome> RecordApplier::ApplyUsage(AccountNo no, const v1::Record& record) {
  const v1::UsageEvent& usage = record.usage();
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::int64_t> known, KnownMetric(usage.metric()));
  UsageEvent event = ToUsageEvent(record, known.value_or(0));
  // Most are new and of a known metric: those are inserted without a look.
  if (known.has_value() && metrics_[usage.metric()].first_time <= event.time) {
    const absl::Status inserted = transaction_.InsertUsage(no, event);
    if (inserted.ok()) return Outcome::kStored;
    if (!absl::IsAlreadyExists(inserted)) return inserted;
    return MeetUsage(no, record, event);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<UsageEvent> present, transaction_.FindUsage(no, event.record_id));
  if (present.has_value()) return MeetUsage(no, record, event);
  if (!known.has_value() && metrics_.size() >= kMostMetrics) {
    return BadField("usage.metric", absl::StrCat("would be a new metric, and there are ", kMostMetrics, ", the most"));
  }
  PERENNIAL_ASSIGN_OR_RETURN(event.metric, transaction_.MetricNo(usage.metric(), event.time));
  metrics_[usage.metric()] = {event.metric, usage.metric(), event.time};
  PERENNIAL_RETURN_IF_ERROR(transaction_.InsertUsage(no, event));
  return Outcome::kStored;
}

// An event whose id is taken.
absl::StatusOr<Outcome> RecordApplier::MeetUsage(AccountNo no, const v1::Record& record, const UsageEvent& event) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<UsageEvent> present, transaction_.FindUsage(no, event.record_id));
  if (!present.has_value()) return absl::InternalError("a usage event's id is taken by none");
  if (present->deleted || *present == event) return Outcome::kDuplicate;
  const absl::string_view id = absl::StripPrefix(record.account(), "accounts/");
  PERENNIAL_ASSIGN_OR_RETURN(
      const bool former,
      transaction_.IsFormerRecord(no, v1::RECORD_KIND_USAGE, event.record_id,
                                  UsageRecord(id, record.usage().metric(), event).SerializeAsString()));
  if (former) return Outcome::kDuplicate;
  return IdReused();
}

absl::StatusOr<Outcome> RecordApplier::ApplyEvent(AccountNo no, RecordKind kind, const v1::Record& record) {
  const StoredRecord stored = ToStored(kind, record);
  PERENNIAL_ASSIGN_OR_RETURN(const auto present, transaction_.FindRecord(no, kind, record.record_id()));
  if (present.has_value()) {
    if (present->deleted || present->payload == stored.payload) return Outcome::kDuplicate;
    PERENNIAL_ASSIGN_OR_RETURN(const bool former, transaction_.IsFormerRecord(no, FromStoredKind(kind), record.record_id(),
                                                                              stored.payload));
    if (former) return Outcome::kDuplicate;
    if (kind != RecordKind::kTicket || present->update_time == stored.update_time) return IdReused();
    if (present->update_time > stored.update_time) return Outcome::kDuplicate;  // an older state came late
  }
  PERENNIAL_RETURN_IF_ERROR(transaction_.PutRecord(no, stored));
  transaction_.Touch(no);
  return present.has_value() ? Outcome::kReplaced : Outcome::kStored;
}

absl::StatusOr<Outcome> RecordApplier::ApplyNewAccount(const std::string& id, const v1::Record& record) {
  const absl::Time effective = StoredTime(record.event_time());
  AccountRecord account{.id = id,
                        .state = StateFromProto(record.account_state()),
                        .customer_since = effective,
                        .create_time = now_,
                        .update_time = now_};
  if (record.account_state().has_customer_since()) account.customer_since = StoredTime(record.account_state().customer_since());
  PERENNIAL_RETURN_IF_ERROR(CheckParent(transaction_, id, account.state, "account_state.parent"));
  PERENNIAL_RETURN_IF_ERROR(RegisterAttributes(account.state, "account_state.", numbering_));
  PERENNIAL_RETURN_IF_ERROR(transaction_.InsertAccount(account));
  PERENNIAL_RETURN_IF_ERROR(transaction_.PutAccountVersion(account.no, effective, account.state));
  transaction_.Touch(account.no);
  accounts_.emplace(id, account.no);
  return Outcome::kStored;
}

absl::StatusOr<Outcome> RecordApplier::ApplyAccount(const v1::Record& record) {
  const std::string id(absl::StripPrefix(record.account(), "accounts/"));
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<AccountRecord> account, transaction_.FindAccount(id));
  if (!account.has_value()) return ApplyNewAccount(id, record);
  if (account->delete_time.has_value()) {
    return WithReason(absl::NotFoundError(absl::StrCat(record.account(), " is deleted; undelete it first")), "DELETED");
  }
  const AccountState state = StateFromProto(record.account_state());
  const absl::Time effective = StoredTime(record.event_time());
  absl::Time customer_since = account->customer_since;
  if (record.account_state().has_customer_since()) customer_since = StoredTime(record.account_state().customer_since());
  PERENNIAL_ASSIGN_OR_RETURN(const auto held, transaction_.FindAccountState(account->no, effective));
  if (held == state && customer_since == account->customer_since) return Outcome::kDuplicate;
  PERENNIAL_RETURN_IF_ERROR(CheckParent(transaction_, id, state, "account_state.parent"));
  PERENNIAL_RETURN_IF_ERROR(RegisterAttributes(state, "account_state.", numbering_));
  account->customer_since = customer_since;
  account->update_time = now_;
  ++account->version;
  PERENNIAL_RETURN_IF_ERROR(transaction_.UpdateAccount(*account));
  PERENNIAL_RETURN_IF_ERROR(transaction_.PutAccountVersion(account->no, effective, state));
  transaction_.Touch(account->no);
  return Outcome::kReplaced;
}

absl::StatusOr<Outcome> RecordApplier::ApplySubscription(AccountNo no, const v1::Record& record) {
  const v1::Subscription& message = record.subscription_state();
  const std::string id = ChildOf(message.name(), "accounts", "subscriptions")->child;
  const SubscriptionState state = SubscriptionStateFromProto(message, currency_);
  const absl::Time start = StoredTime(message.start_time());
  const absl::Time event_time = StoredTime(record.event_time());
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<SubscriptionRecord> present, transaction_.FindSubscription(no, id));
  constexpr absl::string_view kCurrency = "subscription_state.mrr.currency_code";
  if (!present.has_value()) {
    PERENNIAL_RETURN_IF_ERROR(CheckRated(transaction_, state.currency, start, kCurrency));
    transaction_.Touch(no);
    const SubscriptionRecord subscription{
        .id = id, .state = state, .start = start, .create_time = now_, .update_time = now_};
    PERENNIAL_RETURN_IF_ERROR(transaction_.PutSubscription(no, subscription));
    PERENNIAL_RETURN_IF_ERROR(transaction_.PutSubscriptionVersion(no, id, event_time, state));
    return Outcome::kStored;
  }
  if (present->start != start) return BadField("subscription_state.start_time", "cannot change");
  PERENNIAL_ASSIGN_OR_RETURN(const auto held, transaction_.FindSubscriptionState(no, id, event_time));
  if (held == state) return Outcome::kDuplicate;
  PERENNIAL_ASSIGN_OR_RETURN(
      const auto earlier, transaction_.FindSubscriptionState(no, id, event_time - absl::Microseconds(1)));
  PERENNIAL_RETURN_IF_ERROR(CheckRated(transaction_, state.currency,
                                       RateTime(event_time, start, /*first=*/!earlier.has_value()), kCurrency));
  transaction_.Touch(no);
  present->update_time = now_;
  ++present->version;
  PERENNIAL_RETURN_IF_ERROR(transaction_.PutSubscription(no, *present));
  PERENNIAL_RETURN_IF_ERROR(transaction_.PutSubscriptionVersion(no, id, event_time, state));
  return Outcome::kReplaced;
}

}  // namespace perennial::accounts
