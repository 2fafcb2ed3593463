#include "segment-svc/engagements.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/filter/filter_reading.h"
#include "segment-svc/assignment_plan.h"
#include "segment-svc/coverage.h"
#include "segment-svc/engagement_checks.h"
#include "segment-svc/engagement_managers.h"
#include "segment-svc/engagement_models.h"
#include "segment-svc/engagement_view.h"
#include "segment-svc/segment_checks.h"

namespace perennial::segments {
namespace {

constexpr int kMostDays = 366;
constexpr int kMostAssignments = 1000;

// A filter of a request: bounds here, the rest when it is compiled.
void CheckOptionalFilter(const std::string& filter, BadRequest& bad) {
  if (!filter.empty()) CheckFilterText(filter, "filter", bad);
}

std::string CheckOptionalManager(const std::string& name, BadRequest& bad) {
  if (name.empty()) return "";
  auto id = CheckManagerName(name);
  bad.AddIfError("manager", id.status());
  return id.ok() ? *std::move(id) : "";
}

// Live rows for which `text` is true; all of them when it is empty. `filter` is set to how it was understood.
absl::StatusOr<facts::Bitmap> RowsOf(const SegmentView& view, const std::string& text,
                                     std::optional<filter::Filter>& filter) {
  if (text.empty()) return view.facts.table().live_rows();
  auto compiled = CompileFor(view, text);
  BadRequest bad;
  bad.AddIfError("filter", compiled.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const CalledSegments called(view, *compiled);
  facts::Bitmap rows = compiled->EvaluateAll(view.facts.table(), {.now = view.now, .segments = &called});
  rows.Resize(view.facts.table().row_count());
  filter = *std::move(compiled);
  return rows;
}

// Place of a touch in the list: overdue first, then by value, highest first, by due day, by account.
struct Place {
  bool waits = false;
  std::int64_t value = 0;  // negative
  std::int64_t due_day = 0;
  std::string account_id;

  auto operator<=>(const Place&) const = default;
};

std::string ToText(const Place& place) {
  return absl::StrCat(place.waits ? 1 : 0, "/", place.value, "/", place.due_day, "/", place.account_id);
}

absl::StatusOr<std::optional<Place>> ReadPlace(absl::string_view token, absl::string_view request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, ReadPageToken(token, request));
  if (text.empty()) return std::optional<Place>();
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 3));
  Place place;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[1], &place.value) ||
      !absl::SimpleAtoi(parts[2], &place.due_day)) {
    return absl::InvalidArgumentError("is damaged");
  }
  place.waits = parts[0] == "1";
  place.account_id = parts[3];
  return std::optional(std::move(place));
}

struct Listed {
  Place place;
  facts::RowId row = 0;
  std::uint8_t model = 0;
  EngagementView::Touch touch;
};

}  // namespace

absl::StatusOr<v1::GetEngagementResponse> Engagements::Get(const v1::GetEngagementRequest& request) const {
  BadRequest bad;
  const auto id = IdOf(request.account(), "accounts");
  bad.AddIfError("account", id.status());
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return engine_.Read([&](const SegmentView& view) {
    return book_.Read([&](const EngagementState& state) -> absl::StatusOr<v1::GetEngagementResponse> {
      if (!view.ready) return NotReadyStatus();
      const auto row = view.facts.table().Find(*id);
      if (!row.has_value()) {
        const std::string message = absl::StrCat("accounts/", *id, " does not exist");
        return WithReason(absl::NotFoundError(message), "NO_SUCH_ACCOUNT");
      }
      EngagementView engagement(view, state);
      v1::GetEngagementResponse response;
      response.set_account(request.account());
      std::vector<v1::ModelVerdict> verdicts;
      const std::uint8_t model = engagement.ModelOf(*row, verdicts);
      response.mutable_verdicts()->Add(verdicts.begin(), verdicts.end());
      if (model != EngagementView::kNoModel) *response.mutable_engagement_model() = ToAnswer(state.models[model]);
      bool assigned = false;
      if (const v1::Manager* manager = engagement.ManagerOf(*row, &assigned)) {
        *response.mutable_manager() = ToAnswer(*manager);
        response.set_manager_reason(assigned ? "the account was assigned to them"
                                             : "the account's owner says so, and it was assigned to nobody");
      } else {
        response.set_manager_reason(engagement.NeedsManager(*row, model)
                                        ? "nobody yet, though its model asks for one; see AssignAccounts"
                                        : "nobody, and nobody is asked for");
      }
      if (const auto touch = engagement.TouchOf(*row, model)) {
        *response.mutable_next_touch() = engagement.ToProto(*row, model, *touch, currency_);
      }
      SetTimestamp(view.facts.as_of(*row), response.mutable_as_of());
      response.set_facts_revision(view.facts_revision);
      return response;
    });
  });
}

absl::StatusOr<v1::ListDueTouchesResponse> Engagements::ListDueTouches(
    const v1::ListDueTouchesRequest& request) const {
  BadRequest bad;
  const std::string manager_id = CheckOptionalManager(request.manager(), bad);
  CheckOptionalFilter(request.filter(), bad);
  if (request.within_days() < 0 || request.within_days() > kMostDays) bad.Add("within_days", "must be 0 to 366");
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const std::string same =
      absl::StrCat("ListDueTouches ", request.manager(), " ", request.within_days(), " ", request.filter());
  const auto after = ReadPlace(request.page_token(), same);
  bad.AddIfError("page_token", after.status());
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  return engine_.Read([&](const SegmentView& view) {
    return book_.Read([&](const EngagementState& state) -> absl::StatusOr<v1::ListDueTouchesResponse> {
      if (!view.ready) return NotReadyStatus();
      if (!manager_id.empty() && !state.managers.contains(manager_id)) return NoSuchManager(manager_id);
      std::optional<filter::Filter> filter;
      PERENNIAL_ASSIGN_OR_RETURN(const facts::Bitmap rows, RowsOf(view, request.filter(), filter));
      EngagementView engagement(view, state);
      const std::vector<std::uint8_t> models = engagement.ModelsOfAll();
      v1::ListDueTouchesResponse response;
      if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
      std::vector<Listed> listed;
      std::int64_t overdue = 0;
      std::int64_t all = 0;
      rows.ForEach([&](facts::RowId row) {
        const auto touch = engagement.TouchOf(row, models[row]);
        if (!touch.has_value() || touch->due_day > engagement.today() + request.within_days()) return;
        if (!manager_id.empty()) {
          const v1::Manager* manager = engagement.ManagerOf(row);
          if (manager == nullptr || manager->name() != request.manager()) return;
        }
        const bool waits = touch->due_day >= engagement.today();
        ++all;
        if (!waits) ++overdue;
        Place place{.waits = waits,
                    .value = -engagement.ValueAtRisk(row),
                    .due_day = touch->due_day,
                    .account_id = engagement.account_id(row)};
        if (after->has_value() && place <= **after) return;
        listed.push_back({.place = std::move(place), .row = row, .model = models[row], .touch = *touch});
      });
      response.set_total_size(all);
      response.set_overdue_size(overdue);
      const std::size_t count = std::min(listed.size(), static_cast<std::size_t>(*page_size));
      std::partial_sort(listed.begin(), listed.begin() + static_cast<std::ptrdiff_t>(count), listed.end(),
                        [](const Listed& a, const Listed& b) { return a.place < b.place; });
      for (std::size_t i = 0; i < count; ++i) {
        *response.add_due_touches() = engagement.ToProto(listed[i].row, listed[i].model, listed[i].touch, currency_);
      }
      if (count < listed.size()) {
        response.set_next_page_token(MakePageToken(ToText(listed[count - 1].place), same));
      }
      return response;
    });
  });
}

absl::StatusOr<v1::AssignAccountsResponse> Engagements::Plan(const v1::AssignAccountsRequest& request,
                                                             const std::string& manager_id) const {
  return engine_.Read([&](const SegmentView& view) {
    return book_.Read([&](const EngagementState& state) -> absl::StatusOr<v1::AssignAccountsResponse> {
      if (!view.ready) return NotReadyStatus();
      if (!manager_id.empty() && !state.managers.contains(manager_id)) return NoSuchManager(manager_id);
      std::optional<filter::Filter> filter;
      PERENNIAL_ASSIGN_OR_RETURN(const facts::Bitmap rows, RowsOf(view, request.filter(), filter));
      EngagementView engagement(view, state);
      AssignmentPlan plan(engagement, {.manager_id = manager_id,
                                       .rebalance = request.rebalance(),
                                       .limit = request.limit() == 0 ? kMostAssignments
                                                                     : std::min(request.limit(), kMostAssignments)});
      v1::AssignAccountsResponse response = plan.Make(rows);
      if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
      return response;
    });
  });
}

absl::StatusOr<v1::AssignAccountsResponse> Engagements::Assign(const v1::AssignAccountsRequest& request) {
  BadRequest bad;
  CheckOptionalFilter(request.filter(), bad);
  const std::string manager_id = CheckOptionalManager(request.manager(), bad);
  if (request.apply() && request.etag().empty()) bad.Add("etag", "is required with apply: that of the dry run");
  if (request.limit() < 0) bad.Add("limit", "must not be negative");
  CheckAuthor(request.author(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  if (!request.apply()) return Plan(request, manager_id);

  const MutexLock lock(assigning_);
  PERENNIAL_ASSIGN_OR_RETURN(v1::AssignAccountsResponse response, Plan(request, manager_id));
  const absl::Status stale = WithReason(
      absl::AbortedError("the proposal has changed since the dry run; look at the new one and apply that"),
      "STALE_PROPOSAL");
  if (response.etag() != request.etag()) return stale;
  std::vector<AssignmentRecord> assignments;
  for (const v1::Assignment& assignment : response.assignments()) {
    assignments.push_back({.account_id = IdIn(assignment.account()), .manager_id = IdIn(assignment.manager())});
  }
  PERENNIAL_RETURN_IF_ERROR(book_.Edit([&](EngagementBook::Editor& editor) -> absl::Status {
    for (const AssignmentRecord& assignment : assignments) {
      if (!editor.state().managers.contains(assignment.manager_id)) return stale;
    }
    return editor.Assign(assignments, request.author());
  }));
  response.set_applied(true);
  return response;
}

absl::StatusOr<v1::GetCoverageResponse> Engagements::GetCoverage(const v1::GetCoverageRequest& request) const {
  BadRequest bad;
  const auto list_size = PageSize(request.list_size(), 10, 100);
  bad.AddIfError("list_size", list_size.status());
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return engine_.Read([&](const SegmentView& view) {
    return book_.Read([&](const EngagementState& state) -> absl::StatusOr<v1::GetCoverageResponse> {
      if (!view.ready) return NotReadyStatus();
      EngagementView engagement(view, state);
      return CoverageOf(engagement, static_cast<std::size_t>(*list_size), currency_);
    });
  });
}

}  // namespace perennial::segments
