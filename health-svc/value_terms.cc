#include "health-svc/value_terms.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace perennial::health {
namespace {

// Of accounts that pay, is_trial and what belongs to it says nothing.
constexpr std::array<absl::string_view, 8> kLeftOut = {"name",  "owner",      "tags",     "parent",
                                                       "phase", "phase_days", "is_trial", "trial_days_left"};
constexpr std::array<absl::string_view, 4> kOfHealth = {"health.", "flags.", "value.", "segments"};
constexpr double kGreatest = 1e12;

}  // namespace

std::string NameOfTerm(const ChurnTerm& term) {
  switch (term.kind) {
    case ChurnTerm::Kind::kUnknown: return absl::StrCat(term.fact, "?");
    case ChurnTerm::Kind::kText: return absl::StrCat(term.fact, "=", term.value);
    case ChurnTerm::Kind::kNumber: break;
  }
  return term.fact;
}

ChurnTerm ParseTerm(absl::string_view name) {
  // No name of a fact has either sign; the value of a text may have both.
  const auto equals = name.find('=');
  if (equals != absl::string_view::npos) {
    return {.fact = std::string(name.substr(0, equals)),
            .kind = ChurnTerm::Kind::kText,
            .value = std::string(name.substr(equals + 1))};
  }
  if (absl::EndsWith(name, "?")) {
    return {.fact = std::string(name.substr(0, name.size() - 1)), .kind = ChurnTerm::Kind::kUnknown};
  }
  return {.fact = std::string(name)};
}

bool TellsOutcome(absl::string_view fact) {
  if (std::find(kLeftOut.begin(), kLeftOut.end(), fact) != kLeftOut.end()) return true;
  const auto starts = [&](absl::string_view prefix) { return absl::StartsWith(fact, prefix); };
  if (std::any_of(kOfHealth.begin(), kOfHealth.end(), starts)) return true;
  return absl::StartsWith(fact, "attributes.") && absl::StrContains(fact, "churn");
}

bool IsLearnable(facts::FactType type) {
  return type == facts::FactType::kNumber || type == facts::FactType::kBool || type == facts::FactType::kString;
}

double Bounded(double value) { return std::clamp(value, -kGreatest, kGreatest); }

}  // namespace perennial::health
