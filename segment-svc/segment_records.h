#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace perennial::segments {

// Why a membership changed. Stored: numbers stay.
enum class Cause : std::uint8_t { kData = 1, kTime = 2, kDefinition = 3, kManual = 4 };

// A segment as it is stored. Times are whole microseconds, as the store keeps them.
struct SegmentRecord {
  // Stands for this segment in memberships and events; never used again, not even for a later segment of the same id.
  std::int64_t uid = 0;
  std::string id;
  std::string display_name;
  std::string description;
  std::string filter;
  // Empty until the filter has been compiled once: a shipped segment may read facts that nobody has sent yet.
  std::string canonical_filter;
  // Ids of the segments that the filter calls, sorted.
  std::vector<std::string> references;
  // Counts the filters it has had, from 1.
  std::int64_t definition_revision = 1;
  // Counts the changes of the resource, from 1.
  std::int64_t revision = 1;
  absl::Time create_time;
  absl::Time update_time;
  // A list: it has no filter, and its members are those decided by hand.
  bool is_static = false;
  // Who stored the present definition.
  std::string author;

  bool operator==(const SegmentRecord&) const = default;
};

// A filter that a segment has had. Never changed once stored.
struct DefinitionRecord {
  std::int64_t definition_revision = 1;
  std::string filter;
  absl::Time create_time;
  std::string author;

  bool operator==(const DefinitionRecord&) const = default;
};

// What was decided by hand about an account and a segment.
struct DecisionRecord {
  std::string account_id;
  bool included = false;
  std::string author;
  absl::Time time;

  bool operator==(const DecisionRecord&) const = default;
};

// A stay of an account in a segment; `left` tells whether it has ended.
struct StayRecord {
  std::string segment_id;
  std::string account_id;
  // Revision of the event that began it: tells two stays of one account in one segment apart.
  std::int64_t enter_revision = 0;
  absl::Time enter_time;
  Cause enter_cause = Cause::kData;
  bool left = false;
  absl::Time leave_time;
  Cause leave_cause = Cause::kData;

  bool operator==(const StayRecord&) const = default;
};

// An entry of the log of changes. Revisions begin at 1 and have no gaps.
struct EventRecord {
  std::int64_t revision = 0;
  std::string segment_id;
  std::string account_id;
  bool entered = false;
  absl::Time time;
  Cause cause = Cause::kData;

  bool operator==(const EventRecord&) const = default;
};

// How far the feeds are reflected in the stored membership.
struct Progress {
  // Facts up to this revision.
  std::int64_t facts_revision = 0;
  // Scores computed from facts up to this revision.
  std::int64_t scored_facts_revision = 0;
  // Values computed from facts up to this revision.
  std::int64_t valued_facts_revision = 0;

  // Facts up to this revision, and what follows from them, are in.
  [[nodiscard]] std::int64_t Complete() const {
    return std::min({facts_revision, scored_facts_revision, valued_facts_revision});
  }
  bool operator==(const Progress&) const = default;
};

}  // namespace perennial::segments
