#include "segment-svc/memberships.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/segment_protos.h"
#include "segment-svc/segments.h"

namespace perennial::segments {
namespace {

void CheckRevision(std::int64_t revision, absl::string_view field, BadRequest& bad) {
  if (revision < 0) bad.Add(field, "must not be negative");
}

// Where a page of stays begins: after this segment and enter_revision.
struct StayCursor {
  std::string segment_id;
  std::int64_t enter_revision = 0;
};

absl::StatusOr<StayCursor> ReadCursor(absl::string_view token, absl::string_view request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, ReadPageToken(token, request));
  StayCursor cursor;
  if (text.empty()) return cursor;
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  cursor.segment_id = parts.first;
  if (!absl::SimpleAtoi(parts.second, &cursor.enter_revision)) return absl::InvalidArgumentError("is damaged");
  return cursor;
}

}  // namespace

absl::StatusOr<v1::ListMembersResponse> Memberships::ListMembers(const v1::ListMembersRequest& request) const {
  BadRequest bad;
  const auto id = CheckSegmentName(request.parent());
  bad.AddIfError("parent", id.status());
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const std::string same = absl::StrCat("ListMembers ", request.parent());
  const auto after = ReadPageToken(request.page_token(), same);
  bad.AddIfError("page_token", after.status());
  CheckRevision(request.min_facts_revision(), "min_facts_revision", bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::ListMembersResponse response;
  std::int64_t uid = 0;
  PERENNIAL_RETURN_IF_ERROR(engine_.Read([&](const SegmentView& view) {
    const auto found = view.segments.find(*id);
    if (found == view.segments.end()) return NoSuchSegment(*id);
    uid = found->second.record.uid;
    response.set_total_size(static_cast<std::int64_t>(found->second.members.cardinality()));
    return absl::OkStatus();
  }));
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<StayRecord> stays, store_.Members(uid, *after, *page_size + 1));
  if (stays.size() > static_cast<std::size_t>(*page_size)) {
    stays.pop_back();
    response.set_next_page_token(MakePageToken(stays.back().account_id, same));
  }
  for (const StayRecord& stay : stays) *response.add_members() = ToProto(stay);
  return response;
}

absl::StatusOr<v1::ListAccountSegmentsResponse> Memberships::ListAccountSegments(
    const v1::ListAccountSegmentsRequest& request) const {
  BadRequest bad;
  const auto account = IdOf(request.account(), "accounts");
  bad.AddIfError("account", account.status());
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const std::string same = absl::StrCat("ListAccountSegments ", request.account(), request.show_left() ? " left" : "");
  const auto after = ReadCursor(request.page_token(), same);
  bad.AddIfError("page_token", after.status());
  CheckRevision(request.min_facts_revision(), "min_facts_revision", bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  PERENNIAL_ASSIGN_OR_RETURN(
      std::vector<StayRecord> stays,
      store_.Stays(*account, request.show_left(), after->segment_id, after->enter_revision, *page_size + 1));
  if (stays.empty() && request.page_token().empty()) {
    PERENNIAL_RETURN_IF_ERROR(engine_.Read([&](const SegmentView& view) {
      if (view.facts.table().Find(*account).has_value()) return absl::OkStatus();
      if (!view.ready) return NotReadyStatus();
      return WithReason(absl::NotFoundError(absl::StrCat("accounts/", *account, " does not exist")), "NO_SUCH_ACCOUNT");
    }));
  }
  v1::ListAccountSegmentsResponse response;
  if (stays.size() > static_cast<std::size_t>(*page_size)) {
    stays.pop_back();
    response.set_next_page_token(
        MakePageToken(absl::StrCat(stays.back().segment_id, "/", stays.back().enter_revision), same));
  }
  for (const StayRecord& stay : stays) *response.add_memberships() = ToProto(stay);
  return response;
}

absl::Status MembershipWatch::Start() {
  BadRequest bad;
  CheckRevision(request_.start_revision(), "start_revision", bad);
  if (!request_.segment().empty()) {
    auto id = CheckSegmentName(request_.segment());
    bad.AddIfError("segment", id.status());
    if (id.ok()) segment_id_ = *std::move(id);
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  revision_ = request_.start_revision();
  PERENNIAL_ASSIGN_OR_RETURN(feed_id_, store_.FeedId());
  std::int64_t last_revision = 0;
  PERENNIAL_RETURN_IF_ERROR(engine_.Read([&](const SegmentView& view) {
    last_revision = view.event_revision;
    if (!segment_id_.empty() && !view.segments.contains(segment_id_)) return NoSuchSegment(segment_id_);
    return absl::OkStatus();
  }));
  return CheckFeed(last_revision);
}

absl::Status MembershipWatch::CheckFeed(std::int64_t last_revision) {
  if (!request_.feed_id().empty() && request_.feed_id() != feed_id_) {
    return WithReason(absl::OutOfRangeError("this is another feed than the one that feed_id names; begin anew with 0"),
                      "OTHER_FEED");
  }
  if (revision_ <= last_revision) return absl::OkStatus();
  return WithReason(absl::OutOfRangeError(absl::StrCat("start_revision ", revision_,
                                                       " was never given out; the last is ", last_revision)),
                    "REVISION_NEVER_GIVEN");
}

absl::StatusOr<std::optional<v1::WatchMembershipResponse>> MembershipWatch::Next() {
  const bool first = !started_;
  if (first) {
    PERENNIAL_RETURN_IF_ERROR(Start());
    started_ = true;
  }
  const auto [last, facts_revision] = engine_.Read(
      [](const SegmentView& view) { return std::make_pair(view.event_revision, view.facts_revision); });
  if (told_caught_up_ && revision_ == last && facts_revision_ == facts_revision) {
    return std::optional<v1::WatchMembershipResponse>();
  }
  v1::WatchMembershipResponse response;
  if (first) response.set_feed_id(feed_id_);
  const std::int64_t up_to = std::min(last, revision_ + kMostRevisions);
  if (up_to > revision_) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<EventRecord> events, store_.Events(revision_, up_to, segment_id_));
    for (const EventRecord& event : events) *response.add_events() = ToProto(event);
  }
  revision_ = up_to;
  told_caught_up_ = up_to == last;
  // What is known of the facts holds for the end of the log, not for a place within it.
  if (told_caught_up_) facts_revision_ = facts_revision;
  response.set_progress_revision(revision_);
  response.set_facts_revision(facts_revision_);
  response.set_caught_up(told_caught_up_);
  return std::optional(std::move(response));
}

}  // namespace perennial::segments
