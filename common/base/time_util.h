#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <cstdint>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace perennial {

inline absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

inline void SetTimestamp(absl::Time time, google::protobuf::Timestamp* out) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  out->set_seconds(seconds);
  out->set_nanos(static_cast<std::int32_t>((time - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
}

inline google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  SetTimestamp(time, &timestamp);
  return timestamp;
}

// Whether a timestamp is one that protobuf allows: years 1 to 9999, nanoseconds 0 to 999,999,999.
inline bool IsValidTimestamp(const google::protobuf::Timestamp& timestamp) {
  return timestamp.seconds() >= -62135596800 && timestamp.seconds() <= 253402300799 &&
         timestamp.nanos() >= 0 && timestamp.nanos() <= 999999999;
}

// Number of the UTC day that `time` lies in, counted from 1970-01-01 (day 0).
inline std::int64_t DayOf(absl::Time time) {
  return absl::ToCivilDay(time, absl::UTCTimeZone()) - absl::CivilDay(1970, 1, 1);
}

// First moment of a UTC day.
inline absl::Time StartOfDay(std::int64_t day) { return absl::UnixEpoch() + absl::Hours(24) * day; }

}  // namespace perennial
