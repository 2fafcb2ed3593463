#include "segment-svc/starter_engagement_models.h"

#include <google/protobuf/text_format.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "perennial/segments/v1/engagement_service.pb.h"
#include "segment-svc/engagement_checks.h"

namespace perennial::segments {

absl::StatusOr<std::vector<v1::EngagementModel>> ParseEngagementModels(absl::string_view text) {
  v1::ListEngagementModelsResponse parsed;
  if (!google::protobuf::TextFormat::ParseFromString(std::string(text), &parsed)) {
    return absl::InvalidArgumentError("models are not the text form of a ListEngagementModelsResponse");
  }
  for (const v1::EngagementModel& model : parsed.engagement_models()) {
    BadRequest bad;
    bad.AddIfError(absl::StrCat(model.name(), " name"), CheckModelName(model.name()).status());
    Check(model, absl::StrCat(model.name(), " "), bad);
    if (absl::StrContains(model.filter(), "segment(")) {
      bad.Add(absl::StrCat(model.name(), " filter"), "must not call segments");
    }
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  }
  return std::vector<v1::EngagementModel>(parsed.engagement_models().begin(), parsed.engagement_models().end());
}

}  // namespace perennial::segments
