#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"

namespace perennial::health {

// One column of a churn model: a number, whether a fact is unknown, or whether a text is one value.
struct ChurnTerm {
  enum class Kind : unsigned char { kNumber, kUnknown, kText };
  std::string fact;
  Kind kind = Kind::kNumber;
  std::string value = {};  // of kText

  bool operator==(const ChurnTerm&) const = default;
};

// "mrr", "nps.latest?" or "plan=basic", as ChurnCoefficient.term says it; and back.
std::string NameOfTerm(const ChurnTerm& term);
ChurnTerm ParseTerm(absl::string_view name);

// Whether a fact says what a churn model is to find out, or who the account is, rather than how it does: phase, name,
// owner and the like, what health-svc makes of facts, and attributes that are named after churn.
bool TellsOutcome(absl::string_view fact);
// Whether a churn model can look at a fact of this type.
bool IsLearnable(facts::FactType type);

// A number as a churn model sees it: cut to +-1e12, so that a nonsensical one cannot drown all others.
double Bounded(double value);

}  // namespace perennial::health
