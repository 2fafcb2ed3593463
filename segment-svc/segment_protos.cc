#include "segment-svc/segment_protos.h"

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/time_util.h"

namespace perennial::segments {
namespace {

v1::MembershipCause ToProto(Cause cause) {
  switch (cause) {
    case Cause::kData: return v1::MEMBERSHIP_CAUSE_DATA;
    case Cause::kTime: return v1::MEMBERSHIP_CAUSE_TIME;
    case Cause::kDefinition: return v1::MEMBERSHIP_CAUSE_DEFINITION;
    case Cause::kManual: return v1::MEMBERSHIP_CAUSE_MANUAL;
  }
  return v1::MEMBERSHIP_CAUSE_UNSPECIFIED;
}

}  // namespace

std::string EtagOf(const SegmentRecord& record) {
  std::uint64_t hash = Fnv1a64(absl::StrCat(record.uid, "/", record.revision));
  // Lengths keep "ab", "c" and "a", "bc" apart.
  for (const std::string& text : {record.display_name, record.description, record.filter}) {
    hash = Fnv1a64(text, Fnv1a64(absl::StrCat(text.size(), ":"), hash));
  }
  return absl::StrCat("\"", absl::Hex(hash, absl::kZeroPad16), "\"");
}

v1::Segment ToProto(const SegmentRecord& record, std::int64_t member_count) {
  v1::Segment segment;
  segment.set_name(SegmentName(record.id));
  segment.set_display_name(record.display_name);
  segment.set_description(record.description);
  segment.set_filter(record.filter);
  segment.set_canonical_filter(record.canonical_filter);
  segment.set_definition_revision(record.definition_revision);
  segment.set_member_count(member_count);
  SetTimestamp(record.create_time, segment.mutable_create_time());
  SetTimestamp(record.update_time, segment.mutable_update_time());
  segment.set_etag(EtagOf(record));
  segment.set_kind(record.is_static ? v1::SEGMENT_KIND_STATIC : v1::SEGMENT_KIND_DYNAMIC);
  return segment;
}

v1::Membership ToProto(const StayRecord& stay) {
  v1::Membership membership;
  membership.set_segment(SegmentName(stay.segment_id));
  membership.set_account(AccountName(stay.account_id));
  SetTimestamp(stay.enter_time, membership.mutable_enter_time());
  membership.set_enter_cause(ToProto(stay.enter_cause));
  if (stay.left) {
    SetTimestamp(stay.leave_time, membership.mutable_leave_time());
    membership.set_leave_cause(ToProto(stay.leave_cause));
  }
  return membership;
}

v1::MembershipEvent ToProto(const EventRecord& event) {
  v1::MembershipEvent message;
  message.set_revision(event.revision);
  message.set_segment(SegmentName(event.segment_id));
  message.set_account(AccountName(event.account_id));
  message.set_kind(event.entered ? v1::MEMBERSHIP_EVENT_KIND_ENTERED : v1::MEMBERSHIP_EVENT_KIND_LEFT);
  SetTimestamp(event.time, message.mutable_event_time());
  message.set_cause(ToProto(event.cause));
  return message;
}

}  // namespace perennial::segments
