#include "segment-svc/engagement_managers.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"
#include "common/server/audited_change.h"
#include "segment-svc/engagement_checks.h"
#include "segment-svc/engagement_update.h"

namespace perennial::segments {
namespace {

// Two managers of one owner would both have the owner's accounts.
void CheckOwner(const EngagementState& state, const v1::Manager& manager, BadRequest& bad) {
  for (const auto& [id, other] : state.managers) {
    if (other.name() != manager.name() && OwnerOf(other) == OwnerOf(manager)) {
      bad.Add("manager.owner", absl::StrCat("is the same as that of ", other.name()));
    }
  }
}

}  // namespace

absl::Status NoSuchManager(absl::string_view id) {
  return WithReason(absl::NotFoundError(absl::StrCat("managers/", std::string(id), " does not exist")),
                    "NO_SUCH_MANAGER");
}

v1::Manager ToAnswer(v1::Manager manager) {
  manager.set_etag(EtagOf(manager));
  return manager;
}

absl::StatusOr<v1::CreateManagerResponse> EngagementManagers::Create(const v1::CreateManagerRequest& request) {
  BadRequest bad;
  bad.AddIfError("manager_id", CheckSlug(request.manager_id()));
  Check(request.manager(), "manager.", bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Edit([&](EngagementBook::Editor& editor) -> absl::StatusOr<v1::CreateManagerResponse> {
    v1::Manager manager = request.manager();
    manager.set_name(ManagerName(request.manager_id()));
    manager.clear_etag();
    if (editor.state().managers.contains(request.manager_id())) {
      return WithReason(absl::AlreadyExistsError(absl::StrCat(manager.name(), " exists")), "MANAGER_EXISTS");
    }
    CheckOwner(editor.state(), manager, bad);
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    if (editor.state().managers.size() >= kMostManagers) {
      const std::string message = absl::StrCat("there are ", kMostManagers, " managers, which is the most");
      return WithReason(absl::ResourceExhaustedError(message), "TOO_MANY_MANAGERS");
    }
    SetTimestamp(editor.now(), manager.mutable_create_time());
    SetTimestamp(editor.now(), manager.mutable_update_time());
    if (!request.validate_only()) PERENNIAL_RETURN_IF_ERROR(editor.Put(manager));
    v1::CreateManagerResponse response;
    *response.mutable_manager() = ToAnswer(manager);
    return response;
  });
}

absl::StatusOr<v1::GetManagerResponse> EngagementManagers::Get(const v1::GetManagerRequest& request) const {
  BadRequest bad;
  const auto id = CheckManagerName(request.name());
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Read([&](const EngagementState& state) -> absl::StatusOr<v1::GetManagerResponse> {
    const auto found = state.managers.find(*id);
    if (found == state.managers.end()) return NoSuchManager(*id);
    v1::GetManagerResponse response;
    *response.mutable_manager() = ToAnswer(found->second);
    return response;
  });
}

absl::StatusOr<v1::ListManagersResponse> EngagementManagers::List(const v1::ListManagersRequest& request) const {
  constexpr absl::string_view kRequest = "ListManagers";
  BadRequest bad;
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const auto after = ReadPageToken(request.page_token(), kRequest);
  bad.AddIfError("page_token", after.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Read([&](const EngagementState& state) {
    v1::ListManagersResponse response;
    for (auto at = state.managers.upper_bound(*after); at != state.managers.end(); ++at) {
      if (response.managers_size() == *page_size) {
        response.set_next_page_token(MakePageToken(std::prev(at)->first, kRequest));
        break;
      }
      *response.add_managers() = ToAnswer(at->second);
    }
    return response;
  });
}

absl::StatusOr<v1::UpdateManagerResponse> EngagementManagers::Update(const v1::UpdateManagerRequest& request) {
  const v1::Manager& wanted = request.manager();
  BadRequest bad;
  const auto id = CheckManagerName(wanted.name());
  bad.AddIfError("manager.name", id.status());
  const std::set<std::string> fields = ResolveUpdateMask(
      wanted, request.has_update_mask() ? &request.update_mask() : nullptr,
      {"display_name", "owner", "skills", "languages", "roles", "profile", "capacity"}, {},
      {"name", "create_time", "update_time", "etag"}, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Edit([&](EngagementBook::Editor& editor) -> absl::StatusOr<v1::UpdateManagerResponse> {
    const auto found = editor.state().managers.find(*id);
    if (found == editor.state().managers.end()) return NoSuchManager(*id);
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(wanted.etag(), EtagOf(found->second)));
    NoteOldValue(ToAnswer(found->second));
    v1::Manager manager = found->second;
    CopyFields(wanted, fields, manager);
    Check(manager, "manager.", bad);
    CheckOwner(editor.state(), manager, bad);
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    if (manager.SerializeAsString() != found->second.SerializeAsString()) {
      SetTimestamp(editor.now(), manager.mutable_update_time());
      if (!request.validate_only()) PERENNIAL_RETURN_IF_ERROR(editor.Put(manager));
    }
    v1::UpdateManagerResponse response;
    *response.mutable_manager() = ToAnswer(manager);
    return response;
  });
}

absl::StatusOr<v1::DeleteManagerResponse> EngagementManagers::Delete(const v1::DeleteManagerRequest& request) {
  BadRequest bad;
  const auto id = CheckManagerName(request.name());
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Edit([&](EngagementBook::Editor& editor) -> absl::StatusOr<v1::DeleteManagerResponse> {
    const auto found = editor.state().managers.find(*id);
    if (found == editor.state().managers.end()) return NoSuchManager(*id);
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), EtagOf(found->second)));
    NoteOldValue(ToAnswer(found->second));
    const auto accounts = std::count_if(editor.state().assignments.begin(), editor.state().assignments.end(),
                                        [&](const auto& assignment) { return assignment.second == *id; });
    if (accounts > 0 && !request.force()) {
      const std::string message =
          absl::StrCat(accounts, " accounts are assigned to ", request.name(), "; assign them to others or use force");
      return WithReason(absl::FailedPreconditionError(message), "MANAGER_HAS_ACCOUNTS");
    }
    PERENNIAL_RETURN_IF_ERROR(editor.DeleteManager(*id));
    return v1::DeleteManagerResponse();
  });
}

}  // namespace perennial::segments
