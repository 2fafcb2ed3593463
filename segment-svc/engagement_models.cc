#include "segment-svc/engagement_models.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"
#include "common/server/audited_change.h"
#include "common/filter/filter_reading.h"
#include "segment-svc/called_segments.h"
#include "segment-svc/engagement_checks.h"
#include "segment-svc/engagement_update.h"

namespace perennial::segments {
namespace {

const std::vector<std::string>& MutableFields() {
  static const auto& fields = *new std::vector<std::string>{
      "display_name", "description", "priority",     "filter",          "tier",           "cadences",
      "channels",     "onboarding",  "manager_role", "manager_profile", "required_skills", "account_weight"};
  return fields;
}
const std::vector<std::string>& OutputFields() {
  static const auto& fields =
      *new std::vector<std::string>{"name", "canonical_filter", "create_time", "update_time", "etag"};
  return fields;
}

// Checks the model with its filter, and returns what `bad` has; sets the canonical form.
absl::StatusOr<std::optional<filter::Filter>> CheckWhole(const SegmentEngine& engine, v1::EngagementModel& model,
                                                         BadRequest& bad) {
  Check(model, "engagement_model.", bad);
  std::optional<filter::Filter> filter;
  model.clear_canonical_filter();
  if (!model.filter().empty() && model.filter().size() <= filter::kMaxLength) {
    auto compiled = engine.Read([&](const SegmentView& view) { return CompileFor(view, model.filter()); });
    bad.AddIfError("engagement_model.filter", compiled.status());
    if (compiled.ok()) {
      model.set_canonical_filter(compiled->canonical());
      filter = *std::move(compiled);
    }
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return filter;
}

const v1::EngagementModel* FindModel(const EngagementState& state, const std::string& id) {
  const auto found = std::find_if(state.models.begin(), state.models.end(),
                                  [&](const auto& model) { return model.name() == ModelName(id); });
  return found == state.models.end() ? nullptr : &*found;
}

// Whether `name` is the only model that takes everybody.
bool IsLastForEverybody(const EngagementState& state, const std::string& name) {
  bool itself = false;
  for (const v1::EngagementModel& model : state.models) {
    if (!model.filter().empty()) continue;
    if (model.name() != name) return false;
    itself = true;
  }
  return itself;
}

absl::Status LastForEverybodyStatus() {
  return WithReason(absl::FailedPreconditionError("it is the only model without a filter, and every account must have "
                                                  "a model; create another one first"),
                    "LAST_MODEL_FOR_EVERYBODY");
}

absl::StatusOr<std::pair<std::int32_t, std::string>> ReadCursor(absl::string_view token, absl::string_view request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, ReadPageToken(token, request));
  std::pair<std::int32_t, std::string> cursor{-1, ""};
  if (text.empty()) return cursor;
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  cursor.second = parts.second;
  if (!absl::SimpleAtoi(parts.first, &cursor.first)) return absl::InvalidArgumentError("is damaged");
  return cursor;
}

}  // namespace

absl::Status NoSuchModel(absl::string_view id) {
  return WithReason(absl::NotFoundError(absl::StrCat("engagementModels/", std::string(id), " does not exist")),
                    "NO_SUCH_ENGAGEMENT_MODEL");
}

v1::EngagementModel ToAnswer(v1::EngagementModel model) {
  model.set_etag(EtagOf(model));
  return model;
}

absl::StatusOr<v1::CreateEngagementModelResponse> EngagementModels::Create(
    const v1::CreateEngagementModelRequest& request) {
  // With the engine held still, so that no segment goes away that the filter calls.
  return engine_.Edit([&](SegmentEngine::Editor&) -> absl::StatusOr<v1::CreateEngagementModelResponse> {
    BadRequest bad;
    bad.AddIfError("engagement_model_id", CheckSlug(request.engagement_model_id()));
    v1::EngagementModel model = request.engagement_model();
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<filter::Filter> filter, CheckWhole(engine_, model, bad));
    model.set_name(ModelName(request.engagement_model_id()));
    model.clear_etag();
    return book_.Edit([&](EngagementBook::Editor& editor) -> absl::StatusOr<v1::CreateEngagementModelResponse> {
      if (FindModel(editor.state(), request.engagement_model_id()) != nullptr) {
        return WithReason(absl::AlreadyExistsError(absl::StrCat(model.name(), " exists")), "ENGAGEMENT_MODEL_EXISTS");
      }
      if (editor.state().models.size() >= kMostModels) {
        const std::string message = absl::StrCat("there are ", kMostModels, " models, which is the most");
        return WithReason(absl::ResourceExhaustedError(message), "TOO_MANY_ENGAGEMENT_MODELS");
      }
      SetTimestamp(editor.now(), model.mutable_create_time());
      SetTimestamp(editor.now(), model.mutable_update_time());
      if (!request.validate_only()) PERENNIAL_RETURN_IF_ERROR(editor.Put(model));
      v1::CreateEngagementModelResponse response;
      *response.mutable_engagement_model() = ToAnswer(model);
      if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
      return response;
    });
  });
}

absl::StatusOr<v1::GetEngagementModelResponse> EngagementModels::Get(
    const v1::GetEngagementModelRequest& request) const {
  BadRequest bad;
  const auto id = CheckModelName(request.name());
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Read([&](const EngagementState& state) -> absl::StatusOr<v1::GetEngagementModelResponse> {
    const v1::EngagementModel* model = FindModel(state, *id);
    if (model == nullptr) return NoSuchModel(*id);
    v1::GetEngagementModelResponse response;
    *response.mutable_engagement_model() = ToAnswer(*model);
    return response;
  });
}

absl::StatusOr<v1::ListEngagementModelsResponse> EngagementModels::List(
    const v1::ListEngagementModelsRequest& request) const {
  constexpr absl::string_view kRequest = "ListEngagementModels";
  BadRequest bad;
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  const auto after = ReadCursor(request.page_token(), kRequest);
  bad.AddIfError("page_token", after.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Read([&](const EngagementState& state) {
    v1::ListEngagementModelsResponse response;
    for (const v1::EngagementModel& model : state.models) {
      if (std::make_pair(model.priority(), model.name()) <= *after) continue;
      if (response.engagement_models_size() == *page_size) {
        const v1::EngagementModel& last = *response.engagement_models().rbegin();
        response.set_next_page_token(MakePageToken(absl::StrCat(last.priority(), " ", last.name()), kRequest));
        break;
      }
      *response.add_engagement_models() = ToAnswer(model);
    }
    return response;
  });
}

absl::StatusOr<v1::UpdateEngagementModelResponse> EngagementModels::Update(
    const v1::UpdateEngagementModelRequest& request) {
  return engine_.Edit([&](SegmentEngine::Editor&) -> absl::StatusOr<v1::UpdateEngagementModelResponse> {
    const v1::EngagementModel& wanted = request.engagement_model();
    BadRequest bad;
    const auto id = CheckModelName(wanted.name());
    bad.AddIfError("engagement_model.name", id.status());
    const std::set<std::string> fields =
        ResolveUpdateMask(wanted, request.has_update_mask() ? &request.update_mask() : nullptr, MutableFields(), {},
                          OutputFields(), bad);
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    // The locks of the engine are never taken within the book's.
    std::optional<v1::EngagementModel> before = book_.Read([&](const EngagementState& state) {
      const v1::EngagementModel* found = FindModel(state, *id);
      return found == nullptr ? std::nullopt : std::optional(*found);
    });
    if (!before.has_value()) return NoSuchModel(*id);
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(wanted.etag(), EtagOf(*before)));
    NoteOldValue(ToAnswer(*before));
    v1::EngagementModel model = *before;
    CopyFields(wanted, fields, model);
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<filter::Filter> filter, CheckWhole(engine_, model, bad));
    return book_.Edit([&](EngagementBook::Editor& editor) -> absl::StatusOr<v1::UpdateEngagementModelResponse> {
      // Changed by nobody else meanwhile, but perhaps deleted.
      if (FindModel(editor.state(), *id) == nullptr) return NoSuchModel(*id);
      if (!model.filter().empty() && IsLastForEverybody(editor.state(), model.name())) {
        return LastForEverybodyStatus();
      }
      if (model.SerializeAsString() != before->SerializeAsString()) {
        SetTimestamp(editor.now(), model.mutable_update_time());
        if (!request.validate_only()) PERENNIAL_RETURN_IF_ERROR(editor.Put(model));
      }
      v1::UpdateEngagementModelResponse response;
      *response.mutable_engagement_model() = ToAnswer(model);
      if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
      return response;
    });
  });
}

absl::StatusOr<v1::DeleteEngagementModelResponse> EngagementModels::Delete(
    const v1::DeleteEngagementModelRequest& request) {
  BadRequest bad;
  const auto id = CheckModelName(request.name());
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return book_.Edit([&](EngagementBook::Editor& editor) -> absl::StatusOr<v1::DeleteEngagementModelResponse> {
    const v1::EngagementModel* model = FindModel(editor.state(), *id);
    if (model == nullptr) return NoSuchModel(*id);
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), EtagOf(*model)));
    NoteOldValue(ToAnswer(*model));
    if (IsLastForEverybody(editor.state(), model->name())) return LastForEverybodyStatus();
    PERENNIAL_RETURN_IF_ERROR(editor.DeleteModel(*id));
    return v1::DeleteEngagementModelResponse();
  });
}

}  // namespace perennial::segments
