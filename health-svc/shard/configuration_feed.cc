#include "health-svc/shard/configuration_feed.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/error_details.h"
#include "common/base/hash.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

constexpr int kMostRevisions = 100;

// "12-5f3a9c01d2e4b687": place and content of the last revision that was sent. The content tells a store that was put
// back to an earlier state and has gone on differently since.
std::string PositionAfter(const LoggedRevision& last) {
  const std::string bytes = ToMessage(last.revision).SerializeAsString();
  return absl::StrCat(last.sequence, "-", absl::Hex(Fnv1a64(bytes), absl::kZeroPad16));
}

}  // namespace

v1::ConfigurationRevision ToMessage(const ConfigRevision& revision) {
  v1::ConfigurationRevision out;
  out.set_kind(revision.kind);
  out.set_id(revision.id);
  out.set_revision(revision.revision);
  SetTimestamp(revision.time, out.mutable_revision_time());
  out.set_author(revision.author);
  out.set_note(revision.note);
  out.set_shipped(revision.shipped);
  out.set_deleted(revision.deleted);
  out.set_definition(revision.body);
  return out;
}

ConfigRevision FromMessage(const v1::ConfigurationRevision& message) {
  return {.kind = message.kind(),
          .id = message.id(),
          .revision = message.revision(),
          .time = ToTime(message.revision_time()),
          .author = message.author(),
          .note = message.note(),
          .shipped = message.shipped(),
          .deleted = message.deleted(),
          .body = message.definition()};
}

absl::StatusOr<std::int64_t> ConfigurationFeed::Begin() {
  if (start_.empty()) return 0;
  const std::vector<absl::string_view> parts = absl::StrSplit(start_, '-');
  std::int64_t sequence = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &sequence) || sequence < 1) {
    return BadField("position", "is not one that this method gives out");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LoggedRevision> last, store_.Log(sequence - 1, 1));
  return !last.empty() && PositionAfter(last.front()) == start_ ? sequence : 0;
}

absl::StatusOr<std::optional<v1::WatchConfigurationResponse>> ConfigurationFeed::Next() {
  v1::WatchConfigurationResponse out;
  if (sent_ < 0) {
    PERENNIAL_ASSIGN_OR_RETURN(sent_, Begin());
    position_ = sent_ == 0 ? "" : start_;
    out.set_from_start(sent_ == 0);
  } else if (sent_ >= store_.last_sequence()) {
    return std::nullopt;
  }
  // Read before the revisions: what is stored meanwhile is sent by the next message.
  const std::int64_t newest = store_.last_sequence();
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LoggedRevision> log, store_.Log(sent_, kMostRevisions));
  for (const LoggedRevision& logged : log) *out.add_revisions() = ToMessage(logged.revision);
  const bool has_everything = log.size() < kMostRevisions;
  if (!log.empty()) position_ = PositionAfter(log.back());
  // Revisions of other kinds take places too.
  sent_ = has_everything ? std::max(newest, log.empty() ? sent_ : log.back().sequence) : log.back().sequence;
  out.set_position(position_);
  out.set_caught_up(has_everything);
  return out;
}

}  // namespace perennial::health
