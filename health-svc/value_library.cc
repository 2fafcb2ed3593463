#include "health-svc/value_library.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/server/audited_change.h"
#include "health-svc/rules/live_filter.h"
#include "health-svc/value_projection.h"
#include "health-svc/value_settings.h"

namespace perennial::health {
namespace {

constexpr std::size_t kLongestId = 64;
constexpr std::size_t kLongestFilter = 4096;
constexpr const char* kSettingsId = "valueSettings";

absl::Status NoSuchModel(const std::string& id, std::int64_t revision) {
  const std::string which = revision > 0 ? absl::StrCat(" revision ", revision) : "";
  return WithReason(absl::NotFoundError(absl::StrCat("no value model valueModels/", id, which, " is kept")),
                    "VALUE_MODEL_NOT_FOUND");
}

absl::StatusOr<v1::ValueModel> ParseModel(const ConfigRevision& revision) {
  v1::ValueModel model;
  if (!model.ParseFromString(revision.body)) {
    return absl::DataLossError("a stored value model is damaged; restore the database");
  }
  return model;
}

absl::StatusOr<v1::ValueSettings> ParseSettings(const ConfigRevision& revision) {
  v1::ValueSettings settings;
  if (!settings.ParseFromString(revision.body)) {
    return absl::DataLossError("stored value settings are damaged; restore the database");
  }
  return settings;
}

}  // namespace

absl::Status CheckValueModelId(absl::string_view id) {
  if (id.empty()) return absl::InvalidArgumentError("is required");
  const bool good = id.size() <= kLongestId && std::all_of(id.begin(), id.end(), [](char c) {
                      return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '-';
                    });
  return good ? absl::OkStatus() : absl::InvalidArgumentError("must be 1 to 64 of a-z 0-9 _ -");
}

absl::StatusOr<std::string> ValueModelOfName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  if (!absl::ConsumePrefix(&name, "valueModels/") || !CheckValueModelId(name).ok()) {
    return absl::InvalidArgumentError("must look like valueModels/{id}");
  }
  return std::string(name);
}

absl::Status CheckValueFilter(absl::string_view filter) {
  if (filter.size() > kLongestFilter) {
    return absl::InvalidArgumentError(absl::StrCat("must be at most ", kLongestFilter, " bytes"));
  }
  return LiveFilter::CheckText(filter, FactsOutOfReach());
}

absl::StatusOr<std::unique_ptr<ValueLibrary>> ValueLibrary::Open(ConfigStore& store, const Clock& clock) {
  std::unique_ptr<ValueLibrary> out(new ValueLibrary(store, clock));
  const MutexLock lock(out->mu_);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ConfigRevision> models, store.Newest(kValueModelKind));
  for (const ConfigRevision& revision : models) {
    PERENNIAL_ASSIGN_OR_RETURN(v1::ValueModel model, ParseModel(revision));
    Kept& kept = out->models_[revision.id];
    kept.meta = revision;
    kept.meta.body.clear();
    kept.model = std::move(model);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ConfigRevision> settings, store.Newest(kValueSettingsKind));
  if (!settings.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(out->settings_, ParseSettings(settings.front()));
    return out;
  }
  out->settings_ = FirstSettings(clock.Now());
  PERENNIAL_RETURN_IF_ERROR(store.Append({{.kind = kValueSettingsKind,
                                           .id = kSettingsId,
                                           .revision = out->settings_.revision(),
                                           .time = ToTime(out->settings_.update_time()),
                                           .author = out->settings_.author(),
                                           .body = out->settings_.SerializeAsString()}}));
  return out;
}

void ValueLibrary::SetFollow(Follow follow) {
  const MutexLock lock(mu_);
  follow_ = std::move(follow);
  Changed();
}

void ValueLibrary::Changed() {
  std::vector<v1::ValueModel> in_use;
  for (const auto& [id, kept] : models_) {
    if (!kept.meta.deleted) in_use.push_back(kept.model);
  }
  follow_(std::make_unique<ValueRules>(in_use, settings_));
}

v1::ValueSettings ValueLibrary::settings() {
  const MutexLock lock(mu_);
  return settings_;
}

absl::StatusOr<v1::ValueModel> ValueLibrary::Find(const std::string& id, std::int64_t revision) {
  const auto found = models_.find(id);
  if (found == models_.end()) return NoSuchModel(id, 0);
  const Kept& kept = found->second;
  const bool in_use = !kept.meta.deleted && (revision == 0 || revision == kept.meta.revision);
  if (in_use || (revision == 0 && !kept.meta.deleted)) {
    v1::ValueModel model = kept.model;
    model.set_in_use(in_use);
    return model;
  }
  if (revision == 0) return NoSuchModel(id, 0);
  const auto stored = store_.Get(kValueModelKind, id, revision);
  if (absl::IsNotFound(stored.status()) || (stored.ok() && stored->deleted)) return NoSuchModel(id, revision);
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  return ParseModel(*stored);
}

absl::StatusOr<v1::GetValueModelResponse> ValueLibrary::Get(const v1::GetValueModelRequest& request) {
  const auto id = ValueModelOfName(request.name());
  BadRequest bad;
  bad.AddIfError("name", id.status());
  if (request.revision() < 0) bad.Add("revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::GetValueModelResponse response;
  const MutexLock lock(mu_);
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_value_model(), Find(*id, request.revision()));
  return response;
}

absl::StatusOr<v1::ListValueModelsResponse> ValueLibrary::List(const v1::ListValueModelsRequest& request) {
  const std::string key = absl::StrCat("ListValueModels\n", request.name());
  const auto page_size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), key);
  const auto id = ValueModelOfName(request.name());
  BadRequest bad;
  bad.AddIfError("page_size", page_size.status());
  bad.AddIfError("page_token", cursor.status());
  if (!request.name().empty()) bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const MutexLock lock(mu_);
  if (!request.name().empty()) return ListRevisions(*id, *page_size, *cursor, key);
  v1::ListValueModelsResponse response;
  for (auto at = models_.upper_bound(*cursor); at != models_.end(); ++at) {
    if (at->second.meta.deleted) continue;
    if (response.value_models_size() == *page_size) {
      const auto last = ValueModelOfName(response.value_models(response.value_models_size() - 1).name());
      response.set_next_page_token(MakePageToken(*last, key));
      break;
    }
    PERENNIAL_ASSIGN_OR_RETURN(*response.add_value_models(), Find(at->first, 0));
  }
  return response;
}

absl::StatusOr<v1::ListValueModelsResponse> ValueLibrary::ListRevisions(const std::string& id, int page_size,
                                                                        const std::string& cursor,
                                                                        const std::string& key) {
  const auto found = models_.find(id);
  if (found == models_.end()) return NoSuchModel(id, 0);
  std::int64_t before = found->second.meta.revision + 1;
  if (!cursor.empty() && !absl::SimpleAtoi(cursor, &before))
    return BadField("page_token", "is not a token of this request");
  // A revision that says that the model was deleted is none to be read; there is one at most between two others.
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ConfigRevision> revisions,
                             store_.List(kValueModelKind, id, before, 2 * (page_size + 1)));
  v1::ListValueModelsResponse response;
  for (const ConfigRevision& revision : revisions) {
    if (revision.deleted) continue;
    if (response.value_models_size() == page_size) {
      const std::int64_t last = response.value_models(page_size - 1).revision();
      response.set_next_page_token(MakePageToken(absl::StrCat(last), key));
      break;
    }
    PERENNIAL_ASSIGN_OR_RETURN(v1::ValueModel model, ParseModel(revision));
    model.set_in_use(!found->second.meta.deleted && revision.revision == found->second.meta.revision);
    *response.add_value_models() = std::move(model);
  }
  return response;
}

absl::StatusOr<v1::DeleteValueModelResponse> ValueLibrary::Delete(const v1::DeleteValueModelRequest& request) {
  const auto id = ValueModelOfName(request.name());
  BadRequest bad;
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const MutexLock lock(mu_);
  PERENNIAL_RETURN_IF_ERROR(Find(*id, 0).status());
  Kept& kept = models_.find(*id)->second;
  NoteOldValue(kept.model);
  ConfigRevision gone = kept.meta;
  gone.revision += 1;
  gone.time = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
  gone.note.clear();
  gone.deleted = true;
  gone.body = kept.model.SerializeAsString();
  PERENNIAL_RETURN_IF_ERROR(store_.Append({gone}));
  gone.body.clear();
  kept.meta = gone;
  Changed();
  return v1::DeleteValueModelResponse();
}

absl::Status ValueLibrary::CheckKindLocked(const std::string& id, v1::ValueModelKind kind) {
  const auto found = models_.find(id);
  if (found == models_.end() || found->second.meta.deleted || found->second.model.kind() == kind)
    return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat("valueModels/", id,
                                                               " is a model of another kind; take another id, or "
                                                               "delete it first")),
                    "OTHER_KIND");
}

absl::Status ValueLibrary::CheckKind(const std::string& id, v1::ValueModelKind kind) {
  const MutexLock lock(mu_);
  return CheckKindLocked(id, kind);
}

absl::StatusOr<v1::ValueModel> ValueLibrary::Keep(const std::string& id, v1::ValueModel model, bool validate_only) {
  const MutexLock lock(mu_);
  PERENNIAL_RETURN_IF_ERROR(CheckKindLocked(id, model.kind()));
  const auto found = models_.find(id);
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now()));
  model.set_name(absl::StrCat("valueModels/", id));
  model.set_revision(found == models_.end() ? 1 : found->second.meta.revision + 1);
  SetTimestamp(now, model.mutable_create_time());
  model.clear_in_use();
  if (validate_only) return model;
  if (found != models_.end() && !found->second.meta.deleted) NoteOldValue(found->second.model);
  ConfigRevision revision{.kind = kValueModelKind,
                          .id = id,
                          .revision = model.revision(),
                          .time = now,
                          .author = model.author(),
                          .note = model.note(),
                          .body = model.SerializeAsString()};
  PERENNIAL_RETURN_IF_ERROR(store_.Append({revision}));
  revision.body.clear();
  models_[id] = {.meta = revision, .model = model};
  Changed();
  model.set_in_use(true);
  return model;
}

absl::StatusOr<v1::ProjectRetentionResponse> ValueLibrary::Project(const v1::ProjectRetentionRequest& request) {
  PERENNIAL_RETURN_IF_ERROR(CheckProjection(request));
  v1::ValueModel model;
  double yearly = 0;
  {
    const MutexLock lock(mu_);
    PERENNIAL_ASSIGN_OR_RETURN(model, Find(*ValueModelOfName(request.name()), request.revision()));
    yearly = settings_.discount_rate();
  }
  return ProjectModel(request, model, yearly);
}

absl::StatusOr<v1::GetValueSettingsResponse> ValueLibrary::GetSettings(const v1::GetValueSettingsRequest& request) {
  if (request.revision() < 0) return BadField("revision", "must not be negative");
  v1::GetValueSettingsResponse response;
  const MutexLock lock(mu_);
  if (request.revision() == 0 || request.revision() == settings_.revision()) {
    *response.mutable_settings() = settings_;
    return response;
  }
  const auto stored = store_.Get(kValueSettingsKind, kSettingsId, request.revision());
  if (absl::IsNotFound(stored.status())) {
    return WithReason(absl::NotFoundError(absl::StrCat("value settings have no revision ", request.revision())),
                      "REVISION_NOT_FOUND");
  }
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_settings(), ParseSettings(*stored));
  return response;
}

absl::StatusOr<v1::UpdateValueSettingsResponse> ValueLibrary::UpdateSettings(
    const v1::UpdateValueSettingsRequest& request) {
  const MutexLock lock(mu_);
  PERENNIAL_ASSIGN_OR_RETURN(const v1::ValueSettings next, ChangedSettings(request, settings_, clock_.Now()));
  v1::UpdateValueSettingsResponse response;
  *response.mutable_settings() = next;
  if (request.validate_only() || next.revision() == settings_.revision()) return response;
  NoteOldValue(settings_);
  PERENNIAL_RETURN_IF_ERROR(store_.Append({{.kind = kValueSettingsKind,
                                            .id = kSettingsId,
                                            .revision = next.revision(),
                                            .time = ToTime(next.update_time()),
                                            .author = next.author(),
                                            .note = next.note(),
                                            .body = next.SerializeAsString()}}));
  settings_ = next;
  Changed();
  return response;
}

}  // namespace perennial::health
