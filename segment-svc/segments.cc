#include "segment-svc/segments.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/server/audited_change.h"
#include "common/base/update_mask.h"
#include "common/filter/filter_reading.h"
#include "segment-svc/segment_checks.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

// Checks the filter against what is there now, and returns what `bad` has. Nothing for a static segment.
absl::StatusOr<std::optional<filter::Filter>> CheckFilter(const SegmentEngine::Editor& editor,
                                                          const v1::Segment& segment, const std::string& id,
                                                          BadRequest& bad) {
  absl::StatusOr<filter::Filter> filter = absl::InvalidArgumentError("is not checked");
  if (segment.kind() == v1::SEGMENT_KIND_STATIC) {
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    return std::optional<filter::Filter>();
  }
  BadRequest unusable;
  CheckFilterText(segment.filter(), "segment.filter", unusable);
  if (unusable.empty()) {
    filter = editor.Compile(segment.filter(), id);
    bad.AddIfError("segment.filter", filter.status());
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return std::optional(*std::move(filter));
}

// May be named by a mask, and change nothing.
const std::vector<std::string>& OutputFields() {
  static const auto& fields =
      *new std::vector<std::string>{"name",        "canonical_filter", "definition_revision", "member_count",
                                    "create_time", "update_time",      "etag",                "kind"};
  return fields;
}

absl::Status CheckEtag(const std::string& etag, const SegmentRecord& record) {
  if (etag.empty() || etag == EtagOf(record)) return absl::OkStatus();
  return WithReason(absl::AbortedError("etag is stale; read the segment again"), "STALE_ETAG");
}

}  // namespace

absl::Status NoSuchSegment(absl::string_view id) {
  return WithReason(absl::NotFoundError(absl::StrCat("segments/", id, " does not exist")), "NO_SUCH_SEGMENT");
}

absl::StatusOr<v1::CreateSegmentResponse> Segments::Create(const v1::CreateSegmentRequest& request) {
  return engine_.Edit([&](SegmentEngine::Editor& editor) -> absl::StatusOr<v1::CreateSegmentResponse> {
    BadRequest bad;
    bad.AddIfError("segment_id", CheckSlug(request.segment_id()));
    CheckSegmentTexts(request.segment(), "segment.", bad);
    CheckAuthor(request.author(), bad);
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<filter::Filter> filter,
                               CheckFilter(editor, request.segment(), request.segment_id(), bad));
    if (editor.segments().contains(request.segment_id())) {
      return WithReason(absl::AlreadyExistsError(absl::StrCat("segments/", request.segment_id(), " exists")),
                        "SEGMENT_EXISTS");
    }
    SegmentRecord record;
    record.id = request.segment_id();
    record.display_name = request.segment().display_name();
    record.description = request.segment().description();
    record.filter = request.segment().filter();
    record.is_static = request.segment().kind() == v1::SEGMENT_KIND_STATIC;
    record.author = request.author();
    if (filter.has_value()) {
      record.canonical_filter = filter->canonical();
      record.references = filter->segments();
    }
    record.create_time = record.update_time = editor.now();
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t count, editor.Create(record, filter, request.validate_only()));
    v1::CreateSegmentResponse response;
    *response.mutable_segment() = ToProto(record, count);
    if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
    return response;
  });
}

absl::StatusOr<v1::GetSegmentResponse> Segments::Get(const v1::GetSegmentRequest& request) const {
  BadRequest bad;
  const auto id = CheckSegmentName(request.name());
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return engine_.Read([&](const SegmentView& view) -> absl::StatusOr<v1::GetSegmentResponse> {
    const auto found = view.segments.find(*id);
    if (found == view.segments.end()) return NoSuchSegment(*id);
    v1::GetSegmentResponse response;
    *response.mutable_segment() =
        ToProto(found->second.record, static_cast<std::int64_t>(found->second.members.cardinality()));
    return response;
  });
}

absl::StatusOr<v1::ListSegmentsResponse> Segments::List(const v1::ListSegmentsRequest& request) const {
  constexpr absl::string_view kRequest = "ListSegments";
  BadRequest bad;
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const auto after = ReadPageToken(request.page_token(), kRequest);
  bad.AddIfError("page_token", after.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return engine_.Read([&](const SegmentView& view) {
    v1::ListSegmentsResponse response;
    for (auto at = view.segments.upper_bound(*after); at != view.segments.end(); ++at) {
      if (response.segments_size() == *page_size) {
        const std::string last = std::prev(at)->first;
        response.set_next_page_token(MakePageToken(last, kRequest));
        break;
      }
      const PublishedSegment& segment = at->second;
      *response.add_segments() = ToProto(segment.record, static_cast<std::int64_t>(segment.members.cardinality()));
    }
    return response;
  });
}

absl::StatusOr<v1::UpdateSegmentResponse> Segments::Update(const v1::UpdateSegmentRequest& request) {
  return engine_.Edit([&](SegmentEngine::Editor& editor) -> absl::StatusOr<v1::UpdateSegmentResponse> {
    BadRequest bad;
    const auto id = CheckSegmentName(request.segment().name());
    bad.AddIfError("segment.name", id.status());
    const std::set<std::string> fields =
        ResolveUpdateMask(request.segment(), request.has_update_mask() ? &request.update_mask() : nullptr,
                          {"display_name", "description", "filter"}, {}, OutputFields(), bad);
    CheckAuthor(request.author(), bad);
    if (!bad.empty() && !request.segment().filter().empty()) {
      // Which segment is meant is not known, but a filter that is wrong anywhere is named with the rest.
      PERENNIAL_RETURN_IF_ERROR(CheckFilter(editor, request.segment(), id.value_or("-"), bad).status());
    }
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    const auto found = editor.segments().find(*id);
    if (found == editor.segments().end()) return NoSuchSegment(*id);
    const SegmentRecord& before = found->second.record;
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.segment().etag(), before));
    NoteOldValue(ToProto(before, static_cast<std::int64_t>(found->second.members.cardinality())));

    const v1::SegmentKind kind = before.is_static ? v1::SEGMENT_KIND_STATIC : v1::SEGMENT_KIND_DYNAMIC;
    if (request.segment().kind() != v1::SEGMENT_KIND_UNSPECIFIED && request.segment().kind() != kind) {
      bad.Add("segment.kind", "cannot be changed; create another segment");
    }
    SegmentRecord record = before;
    if (fields.contains("display_name")) record.display_name = request.segment().display_name();
    if (fields.contains("description")) record.description = request.segment().description();
    if (fields.contains("filter")) record.filter = request.segment().filter();
    CheckSegmentTexts(ToProto(record, 0), "segment.", bad);
    std::optional<filter::Filter> filter;
    if (record.filter != before.filter) {
      PERENNIAL_ASSIGN_OR_RETURN(filter, CheckFilter(editor, ToProto(record, 0), record.id, bad));
    }
    if (filter.has_value()) {
      record.author = request.author();
      record.canonical_filter = filter->canonical();
      record.references = filter->segments();
      ++record.definition_revision;
    }
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    if (record != before) {
      ++record.revision;
      record.update_time = editor.now();
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t count,
                               editor.Update(record, filter, request.validate_only() || record == before));
    v1::UpdateSegmentResponse response;
    *response.mutable_segment() = ToProto(record, count);
    if (!filter.has_value()) filter = editor.FilterOf(record.id);
    if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
    return response;
  });
}

absl::StatusOr<v1::DeleteSegmentResponse> Segments::Delete(const v1::DeleteSegmentRequest& request) {
  BadRequest bad;
  const auto id = CheckSegmentName(request.name());
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return engine_.Edit([&](SegmentEngine::Editor& editor) -> absl::StatusOr<v1::DeleteSegmentResponse> {
    const auto found = editor.segments().find(*id);
    if (found == editor.segments().end()) return NoSuchSegment(*id);
    const SegmentRecord record = found->second.record;
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), record));
    NoteOldValue(ToProto(record, static_cast<std::int64_t>(found->second.members.cardinality())));
    std::vector<std::string> callers = editor.CallersOf(record.id);
    if (users_ != nullptr) {
      for (std::string& user : users_(record.id)) callers.push_back(std::move(user));
    }
    if (!callers.empty()) {
      const std::string message =
          absl::StrCat("other filters call it, those of: ", absl::StrJoin(callers, ", "), "; change those first");
      return WithReason(absl::FailedPreconditionError(message), "SEGMENT_IN_USE");
    }
    PERENNIAL_RETURN_IF_ERROR(editor.Delete(record));
    return v1::DeleteSegmentResponse();
  });
}

}  // namespace perennial::segments
