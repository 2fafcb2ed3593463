#include "health-svc/value_settings.h"

#include <google/protobuf/util/message_differencer.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"
#include "health-svc/config_edits.h"
#include "health-svc/configuration.h"
#include "health-svc/configurator.h"
#include "health-svc/value_library.h"

namespace perennial::health {
namespace {

constexpr int kMostRules = 100;
constexpr int kLongestHorizon = 120;

bool IsShare(double value) { return value >= 0 && value <= 1; }

void CheckSettings(const v1::ValueSettings& settings, const std::set<std::string>& paths, BadRequest& bad) {
  if (paths.contains("discount_rate") && !(settings.discount_rate() > 0 && settings.discount_rate() <= 1)) {
    bad.Add("settings.discount_rate", "must be greater than 0 and at most 1");
  }
  if (paths.contains("margin_rate") && !IsShare(settings.margin_rate())) {
    bad.Add("settings.margin_rate", "must be 0 to 1");
  }
  if (paths.contains("horizon_months") &&
      (settings.horizon_months() < 1 || settings.horizon_months() > kLongestHorizon)) {
    bad.Add("settings.horizon_months", absl::StrCat("must be 1 to ", kLongestHorizon));
  }
  if (!paths.contains("margin_rules")) return;
  if (settings.margin_rules_size() > kMostRules) {
    return bad.Add("settings.margin_rules", absl::StrCat("must be at most ", kMostRules));
  }
  for (int i = 0; i < settings.margin_rules_size(); ++i) {
    const std::string at = absl::StrCat("settings.margin_rules[", i, "].");
    const v1::MarginRule& rule = settings.margin_rules(i);
    if (rule.filter().empty()) {
      bad.Add(at + "filter", "is required");
    } else {
      bad.AddIfError(at + "filter", CheckValueFilter(rule.filter()));
    }
    if (!IsShare(rule.margin_rate())) bad.Add(at + "margin_rate", "must be 0 to 1");
  }
}

}  // namespace

v1::ValueSettings FirstSettings(absl::Time now) {
  v1::ValueSettings out;
  out.set_name("valueSettings");
  out.set_revision(1);
  out.set_discount_rate(0.1);
  out.set_margin_rate(0.8);
  out.set_horizon_months(36);
  SetTimestamp(absl::FromUnixMicros(absl::ToUnixMicros(now)), out.mutable_update_time());
  out.set_author(kShippedAuthor);
  out.set_etag(EtagOf(1));
  return out;
}

absl::StatusOr<v1::ValueSettings> ChangedSettings(const v1::UpdateValueSettingsRequest& request,
                                                  const v1::ValueSettings& present, absl::Time now) {
  BadRequest bad;
  if (!request.has_settings()) bad.Add("settings", "is required");
  CheckAuthorship({.author = request.author(), .note = request.note()}, "author", bad);
  const std::set<std::string> paths =
      ResolveUpdateMask(request.settings(), request.has_update_mask() ? &request.update_mask() : nullptr,
                        {"discount_rate", "margin_rate", "margin_rules", "horizon_months"}, {},
                        {"name", "revision", "update_time", "author", "note", "etag"}, bad);
  CheckSettings(request.settings(), paths, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.settings().etag(), present.revision(), "settings"));
  v1::ValueSettings next = present;
  CopyFields(request.settings(), paths, next);
  if (google::protobuf::util::MessageDifferencer::Equals(next, present)) return present;
  next.set_revision(present.revision() + 1);
  next.set_etag(EtagOf(next.revision()));
  next.set_author(request.author());
  next.set_note(request.note());
  SetTimestamp(absl::FromUnixMicros(absl::ToUnixMicros(now)), next.mutable_update_time());
  return next;
}

}  // namespace perennial::health
