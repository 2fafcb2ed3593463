#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/base/error_details.h"
#include "common/base/mutex.h"
#include "health-svc/store/config_store.h"
#include "health-svc/value_rules.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// Kinds of revisions in the store.
constexpr const char* kValueModelKind = "value-model";
constexpr const char* kValueSettingsKind = "value-settings";

// The id in "valueModels/{id}". INVALID_ARGUMENT with a sentence that completes "<field> ...".
absl::StatusOr<std::string> ValueModelOfName(absl::string_view name);
// OK for an id that a model may have.
absl::Status CheckValueModelId(absl::string_view id);
// OK for a filter that a model or a margin may have: see FactsOutOfReach().
absl::Status CheckValueFilter(absl::string_view filter);

// Revisions of value models and of the settings: keeps them, and lets values follow what is in use. No gRPC here; safe
// for many threads; blocks on the store.
class ValueLibrary {
 public:
  // Called with what values rest on from now on, one call at a time; returns once they do.
  using Follow = std::function<void(std::unique_ptr<ValueRules>)>;

  // Reads what is stored; makes the first settings when there are none. `store` and `clock` must outlive it.
  static absl::StatusOr<std::unique_ptr<ValueLibrary>> Open(ConfigStore& store, const Clock& clock);
  // Calls `follow` with what is in use now, and whenever that changes. Once.
  void SetFollow(Follow follow);

  absl::StatusOr<v1::GetValueModelResponse> Get(const v1::GetValueModelRequest& request);
  absl::StatusOr<v1::ListValueModelsResponse> List(const v1::ListValueModelsRequest& request);
  absl::StatusOr<v1::DeleteValueModelResponse> Delete(const v1::DeleteValueModelRequest& request);
  absl::StatusOr<v1::ProjectRetentionResponse> Project(const v1::ProjectRetentionRequest& request);
  absl::StatusOr<v1::GetValueSettingsResponse> GetSettings(const v1::GetValueSettingsRequest& request);
  absl::StatusOr<v1::UpdateValueSettingsResponse> UpdateSettings(const v1::UpdateValueSettingsRequest& request);

  // Keeps a fit as the next revision of its model, in use from then on; with `validate_only` only says what it would
  // be. FAILED_PRECONDITION when the model has another kind.
  absl::StatusOr<v1::ValueModel> Keep(const std::string& id, v1::ValueModel model, bool validate_only);
  // OK when a fit of this kind may become a revision of the model: to be asked before a long fit.
  absl::Status CheckKind(const std::string& id, v1::ValueModelKind kind);
  [[nodiscard]] v1::ValueSettings settings();

 private:
  struct Kept {
    ConfigRevision meta;  // without the body
    v1::ValueModel model;
  };
  ValueLibrary(ConfigStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  // A revision of a model; 0 means the newest of one that is in use. NOT_FOUND.
  absl::StatusOr<v1::ValueModel> Find(const std::string& id, std::int64_t revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<v1::ListValueModelsResponse> ListRevisions(const std::string& id, int page_size,
                                                            const std::string& cursor, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckKindLocked(const std::string& id, v1::ValueModelKind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Changed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  ConfigStore& store_;
  const Clock& clock_;
  Mutex mu_;
  std::map<std::string, Kept, std::less<>> models_ ABSL_GUARDED_BY(mu_);
  v1::ValueSettings settings_ ABSL_GUARDED_BY(mu_);
  Follow follow_ ABSL_GUARDED_BY(mu_) = [](std::unique_ptr<ValueRules>) {};
};

}  // namespace perennial::health
