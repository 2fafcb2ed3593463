#pragma once

#include <cstdint>
#include <string>

#include "perennial/segments/v1/segment.pb.h"
#include "segment-svc/segment_records.h"

namespace perennial::segments {

// Changes with every change of the resource, and is another one for a later segment of the same id.
std::string EtagOf(const SegmentRecord& record);

v1::Segment ToProto(const SegmentRecord& record, std::int64_t member_count);
v1::Membership ToProto(const StayRecord& stay);
v1::MembershipEvent ToProto(const EventRecord& event);

inline std::string AccountName(const std::string& id) { return "accounts/" + id; }
inline std::string SegmentName(const std::string& id) { return "segments/" + id; }

}  // namespace perennial::segments
