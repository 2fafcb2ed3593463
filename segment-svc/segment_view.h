#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "roaring/roaring.hh"
#include "segment-svc/account_facts.h"
#include "segment-svc/segment_records.h"

namespace perennial::segments {

// A segment as readers see it: nothing in it that is not stored.
struct PublishedSegment {
  SegmentRecord record;
  Roaring members;  // rows of the table
};

using PublishedSegments = std::map<std::string, PublishedSegment, std::less<>>;  // by id

// Everything at one moment, for as long as the reader holds it still.
struct SegmentView {
  const AccountFacts& facts;
  const PublishedSegments& segments;
  // Of the last event.
  std::int64_t event_revision;
  // Facts up to this revision, and the scores and values from them, are evaluated.
  std::int64_t facts_revision;
  // How often the facts have been begun anew: revisions of one feed say nothing about another's.
  std::int64_t facts_feeds;
  // False until both feeds have been caught up with: `facts` is incomplete then, while `segments` are as they were
  // stored.
  bool ready;
  absl::Time now;
};

// What calls that need all facts answer before those are here. UNAVAILABLE; worth trying again.
absl::Status NotReadyStatus();

}  // namespace perennial::segments
