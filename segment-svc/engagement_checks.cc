#include "segment-svc/engagement_checks.h"

#include <array>
#include <cstdint>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "segment-svc/segment_checks.h"

namespace perennial::segments {
namespace {

constexpr std::int32_t kGreatest = 1'000'000;
constexpr std::int32_t kMostWeight = 1000;
constexpr std::int32_t kMostCadenceDays = 366;
constexpr std::size_t kMaxOwner = 128;
constexpr std::size_t kMaxLanguage = 35;  // the longest tag that BCP 47 asks software to take
constexpr int kMostRequiredSkills = 16;
constexpr int kMostListed = 64;
constexpr std::array kPhases = {"TRIAL", "ONBOARDING", "ADOPTION", "SUCCESS", "CHURNED"};

absl::StatusOr<std::string> CheckName(absl::string_view name, absl::string_view collection) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string id, IdOf(name, collection));
  if (!CheckSlug(id).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("must look like ", std::string(collection), "/{id}, the id of a-z 0-9 -"));
  }
  return id;
}

// The fields of one resource, checked one by one.
class Checks {
 public:
  Checks(absl::string_view prefix, BadRequest& bad) : prefix_(prefix), bad_(bad) {}

  void Add(absl::string_view field, absl::string_view problem) {
    bad_.Add(absl::StrCat(prefix_, std::string(field)), problem);
  }
  void Text(const std::string& text, bool required, std::size_t most, absl::string_view field) {
    if (required && absl::StripAsciiWhitespace(text).empty()) {
      Add(field, "is required");
    } else if (text.size() > most) {
      Add(field, absl::StrCat("is ", text.size(), " bytes long; the most is ", most));
    }
  }
  void Range(std::int32_t value, std::int32_t least, std::int32_t most, absl::string_view field) {
    if (value < least || value > most) Add(field, absl::StrCat("must be from ", least, " to ", most));
  }
  // Enums: 0 is "not said".
  void Choice(int value, bool known, bool required, absl::string_view field) {
    if (!known) {
      Add(field, "is no value that there is");
    } else if (required && value == 0) {
      Add(field, "is required");
    }
  }
  // Elements of a list: each is checked by `problem_of`, which returns "" when it is good, and is there once.
  template <class List, class ProblemOf>
  void Each(const List& list, int most, absl::string_view field, ProblemOf problem_of) {
    if (list.size() > most) {
      return Add(field, absl::StrCat("has ", list.size(), " elements; the most is ", most));
    }
    std::set<std::string> seen;
    for (int i = 0; i < list.size(); ++i) {
      const std::string element = absl::StrCat(std::string(field), "[", i, "]");
      const std::string problem = problem_of(list[i]);
      if (!problem.empty()) {
        Add(element, problem);
      } else if (!seen.insert(absl::StrCat(list[i])).second) {
        Add(element, "was named before");
      }
    }
  }

 private:
  const std::string prefix_;
  BadRequest& bad_;
};

std::string KeyProblem(const std::string& key) { return std::string(CheckKey(key).message()); }

template <bool (*IsValid)(int)>
std::string EnumProblem(int value) {
  return value != 0 && IsValid(value) ? "" : "is no value that there is";
}

void CheckCadences(const v1::EngagementModel& model, Checks& checks) {
  std::set<std::string> seen;
  for (int i = 0; i < model.cadences_size(); ++i) {
    const v1::TouchCadence& cadence = model.cadences(i);
    const std::string field = absl::StrCat("cadences[", i, "]");
    bool known = false;
    for (const char* phase : kPhases) known = known || cadence.phase() == phase;
    if (!known) {
      checks.Add(absl::StrCat(field, ".phase"), "must be TRIAL, ONBOARDING, ADOPTION, SUCCESS or CHURNED");
    } else if (!seen.insert(cadence.phase()).second) {
      checks.Add(absl::StrCat(field, ".phase"), "was named before");
    }
    checks.Range(cadence.days(), 1, kMostCadenceDays, absl::StrCat(field, ".days"));
  }
}

template <class Message>
std::string EtagOfMessage(Message message) {
  message.clear_etag();
  return absl::StrCat("\"", absl::Hex(Fnv1a64(message.SerializeAsString()), absl::kZeroPad16), "\"");
}

}  // namespace

absl::StatusOr<std::string> CheckModelName(absl::string_view name) { return CheckName(name, "engagementModels"); }

absl::StatusOr<std::string> CheckManagerName(absl::string_view name) { return CheckName(name, "managers"); }

void Check(const v1::EngagementModel& model, absl::string_view prefix, BadRequest& bad) {
  Checks checks(prefix, bad);
  checks.Text(model.display_name(), true, kMaxDisplayName, "display_name");
  checks.Text(model.description(), false, kMaxDescription, "description");
  checks.Range(model.priority(), 0, kGreatest, "priority");
  checks.Text(model.filter(), false, kMaxFilter, "filter");
  if (!model.filter().empty() && absl::StripAsciiWhitespace(model.filter()).empty()) {
    checks.Add("filter", "is blank; leave it empty to take everybody");
  }
  checks.Choice(model.tier(), v1::EngagementTier_IsValid(model.tier()), true, "tier");
  CheckCadences(model, checks);
  checks.Each(model.channels(), kMostListed, "channels", EnumProblem<v1::EngagementChannel_IsValid>);
  checks.Choice(model.onboarding(), v1::OnboardingKind_IsValid(model.onboarding()), true, "onboarding");
  const bool managed =
      model.tier() == v1::ENGAGEMENT_TIER_HIGH_TOUCH || model.tier() == v1::ENGAGEMENT_TIER_POOLED;
  checks.Choice(model.manager_role(), v1::ManagerRole_IsValid(model.manager_role()), managed, "manager_role");
  checks.Choice(model.manager_profile(), v1::ManagerProfile_IsValid(model.manager_profile()), false,
                "manager_profile");
  checks.Each(model.required_skills(), kMostRequiredSkills, "required_skills", KeyProblem);
  checks.Range(model.account_weight(), 0, kMostWeight, "account_weight");
}

void Check(const v1::Manager& manager, absl::string_view prefix, BadRequest& bad) {
  Checks checks(prefix, bad);
  checks.Text(manager.display_name(), true, kMaxDisplayName, "display_name");
  checks.Text(manager.owner(), false, kMaxOwner, "owner");
  checks.Each(manager.skills(), kMostListed, "skills", KeyProblem);
  checks.Each(manager.languages(), kMostListed, "languages", [](const std::string& language) {
    return language.empty() || language.size() > kMaxLanguage ? "must be 1 to 35 bytes" : "";
  });
  checks.Each(manager.roles(), kMostListed, "roles", EnumProblem<v1::ManagerRole_IsValid>);
  checks.Choice(manager.profile(), v1::ManagerProfile_IsValid(manager.profile()), false, "profile");
  checks.Range(manager.capacity(), 0, kGreatest, "capacity");
}

std::string EtagOf(const v1::EngagementModel& model) { return EtagOfMessage(model); }

std::string EtagOf(const v1::Manager& manager) { return EtagOfMessage(manager); }

}  // namespace perennial::segments
