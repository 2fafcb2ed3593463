#include "accounts-svc/record_content.h"

#include "absl/strings/str_cat.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/check_record.h"
#include "common/base/time_util.h"

namespace perennial::accounts {

v1::RecordKind KindOf(const v1::Record& record) {
  switch (record.kind_case()) {
    case v1::Record::kUsage: return v1::RECORD_KIND_USAGE;
    case v1::Record::kTicket: return v1::RECORD_KIND_TICKET;
    case v1::Record::kTouchpoint: return v1::RECORD_KIND_TOUCHPOINT;
    case v1::Record::kSurvey: return v1::RECORD_KIND_SURVEY;
    case v1::Record::kMilestone: return v1::RECORD_KIND_MILESTONE;
    case v1::Record::kChurnReport: return v1::RECORD_KIND_CHURN_REPORT;
    default: return v1::RECORD_KIND_UNSPECIFIED;
  }
}

std::optional<RecordKind> StoredKind(v1::RecordKind kind) {
  switch (kind) {
    case v1::RECORD_KIND_TICKET: return RecordKind::kTicket;
    case v1::RECORD_KIND_TOUCHPOINT: return RecordKind::kTouchpoint;
    case v1::RECORD_KIND_SURVEY: return RecordKind::kSurvey;
    case v1::RECORD_KIND_MILESTONE: return RecordKind::kMilestone;
    case v1::RECORD_KIND_CHURN_REPORT: return RecordKind::kChurnReport;
    default: return std::nullopt;
  }
}

v1::RecordKind FromStoredKind(RecordKind kind) {
  switch (kind) {
    case RecordKind::kTicket: return v1::RECORD_KIND_TICKET;
    case RecordKind::kTouchpoint: return v1::RECORD_KIND_TOUCHPOINT;
    case RecordKind::kSurvey: return v1::RECORD_KIND_SURVEY;
    case RecordKind::kMilestone: return v1::RECORD_KIND_MILESTONE;
    case RecordKind::kChurnReport: return v1::RECORD_KIND_CHURN_REPORT;
  }
  return v1::RECORD_KIND_UNSPECIFIED;
}

StoredRecord ToStored(RecordKind kind, const v1::Record& record) {
  v1::Record normal = record;
  const absl::Time time = ToTime(record.event_time());
  absl::Time update_time = time;
  if (kind == RecordKind::kTicket) {
    update_time = TicketUpdateTime(record);
    SetTimestamp(update_time, normal.mutable_ticket()->mutable_update_time());
  }
  return {.kind = kind,
          .record_id = record.record_id(),
          .time = time,
          .update_time = absl::FromUnixMicros(absl::ToUnixMicros(update_time)),
          .payload = normal.SerializeAsString()};
}

UsageEvent ToUsageEvent(const v1::Record& record, std::int64_t metric) {
  const v1::UsageEvent& usage = record.usage();
  return {.record_id = record.record_id(),
          .metric = metric,
          // As the store keeps it, so that what is sent again compares equal.
          .time = StoredTime(record.event_time()),
          .value = usage.has_value() ? usage.value() : 1,
          .user = usage.user()};
}

v1::Record UsageRecord(absl::string_view account_id, absl::string_view metric, const UsageEvent& event) {
  v1::Record record;
  record.set_record_id(event.record_id);
  record.set_account(absl::StrCat("accounts/", account_id));
  SetTimestamp(event.time, record.mutable_event_time());
  v1::UsageEvent& usage = *record.mutable_usage();
  usage.set_metric(std::string(metric));
  usage.set_value(event.value);
  usage.set_user(event.user);
  return record;
}

absl::StatusOr<v1::Record> ReadRecord(absl::string_view payload) {
  v1::Record record;
  if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("a stored record cannot be read");
  }
  return record;
}

}  // namespace perennial::accounts
