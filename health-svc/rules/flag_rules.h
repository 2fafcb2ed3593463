#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/error_details.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/filter/filter.h"
#include "health-svc/rules/live_filter.h"
#include "perennial/health/v1/flag.pb.h"

namespace perennial::health {

constexpr int kMostFlagRules = 500;

// Longest hold time; a longer one is a typing error.
constexpr absl::Duration kLongestHold = absl::Hours(24 * 365);

struct CompiledFlagRule {
  v1::FlagRule config;
  LiveFilter filter;
  LiveFilter clear_filter;  // of no text when there is none
  absl::Duration raise_after;
  absl::Duration clear_after;
};

// The rules by id, ready to run.
class FlagRules {
 public:
  // INVALID_ARGUMENT that names every fault by its field, for example "rules[2].severity is required".
  static absl::StatusOr<FlagRules> Compile(const v1::FlagRuleSet& set);

  // Looks facts up that the catalogue did not know before. Returns whether a filter became usable. Not safe beside the
  // other methods.
  bool Resolve(const facts::FactCatalogue& catalogue);
  [[nodiscard]] const std::vector<CompiledFlagRule>& all() const { return rules_; }
  // Index of a rule in all().
  [[nodiscard]] std::optional<std::size_t> Find(absl::string_view id) const;

 private:
  std::vector<CompiledFlagRule> rules_;
};

// Whether the rule says that a flag is to be raised, or, while it is `open`, that it is to stay so.
bool Holds(const CompiledFlagRule& rule, bool open, const facts::RowReader& row,
           const filter::EvaluationContext& context);

// Adds what is wrong with a rule (its id apart) to `faults`, fields under `at`.
void CheckFlagRule(const v1::FlagRule& rule, const std::string& at, BadRequest& faults);

// Values of the facts that a rule reads, by name; unknown ones with an empty value.
std::vector<v1::FlagCause> CausesOf(const CompiledFlagRule& rule, const facts::RowReader& row,
                                    const facts::FactCatalogue& catalogue);

// Reads a configuration file's text. INVALID_ARGUMENT with line and column for text that is no FlagRuleSet.
absl::StatusOr<v1::FlagRuleSet> ParseFlagRules(const std::string& text);

}  // namespace perennial::health
