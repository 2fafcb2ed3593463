#include "health-svc/watch_token.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/page_token.h"

namespace perennial::health {

std::string MakeWatchToken(absl::string_view method, const std::vector<WatchPlace>& places) {
  return MakePageToken(absl::StrJoin(places, ",",
                                     [](std::string* out, const WatchPlace& place) {
                                       absl::StrAppend(out, place.feed_id, " ", place.revision);
                                     }),
                       method);
}

absl::StatusOr<std::vector<WatchPlace>> ReadWatchToken(absl::string_view method, absl::string_view token, int count) {
  const auto cursor = ReadPageToken(token, method);
  if (!cursor.ok()) return BadField("start_token", cursor.status().message());
  std::vector<WatchPlace> out;
  for (const absl::string_view place : absl::StrSplit(*cursor, ',')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(place, absl::MaxSplits(' ', 1));
    out.push_back({.feed_id = std::string(parts.first)});
    if (!absl::SimpleAtoi(parts.second, &out.back().revision) || out.back().revision < 0) {
      return BadField("start_token", "is not one that this method gives out");
    }
  }
  if (out.size() == static_cast<std::size_t>(count)) return out;
  return WithReason(absl::OutOfRangeError(absl::StrCat("start_token is of ", out.size(), " replicas that share the ",
                                                       "accounts, and there are ", count, " now; begin anew without")),
                    "OTHER_FEED");
}

absl::Status RevisionOfOneReplica() {
  return WithReason(
      absl::OutOfRangeError("several replicas share the accounts, each with revisions of its own: begin anew with 0, "
                            "and resume by progress_token"),
      "OTHER_FEED");
}

}  // namespace perennial::health
