#pragma once

#include <initializer_list>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/filter/filter.h"

namespace perennial::testing {

// A catalogue with facts of every type, and shorthands to compile filters against it.
class FilterFixture {
 public:
  FilterFixture() {
    using facts::FactType;
    Add("nps.latest", FactType::kNumber);
    Add("name", FactType::kString);
    Add("tags", FactType::kStringSet);
    Add("mrr", FactType::kNumber, "USD per month");
    Add("silent", FactType::kBool);
    Add("create_time", FactType::kTime);
    Add("owner", FactType::kString);
    Add("phase", FactType::kString);
    Add("tenure_days", FactType::kNumber, "days");
    Add("support.first_response_hours_90d", FactType::kNumber, "hours");
    Add("auto_renew", FactType::kBool);
    Add("attributes.industry", FactType::kString);
    Add("attributes.seats_sold", FactType::kNumber);
    Add("attributes.regions", FactType::kStringSet);
    Add("usage.logins.sum_7d", FactType::kNumber);
    Add("health.score", FactType::kNumber);
  }

  [[nodiscard]] const facts::FactCatalogue& catalogue() const { return catalogue_; }
  [[nodiscard]] facts::FactId Id(absl::string_view name) const { return catalogue_.Find(name).value(); }

  // Compiled with segment() allowed, of any name.
  [[nodiscard]] absl::StatusOr<filter::Filter> Compile(absl::string_view text) const {
    return filter::Filter::Compile(text, catalogue_, {.allow_segments = true});
  }
  // The canonical form, or the error in angle brackets.
  [[nodiscard]] std::string Canonical(absl::string_view text) const {
    const auto compiled = Compile(text);
    return compiled.ok() ? compiled->canonical() : absl::StrCat("<", compiled.status().message(), ">");
  }
  // The message of the error, or the canonical form in angle brackets.
  [[nodiscard]] std::string ErrorOf(absl::string_view text, const filter::CompileOptions& options = {}) const {
    const auto compiled = filter::Filter::Compile(text, catalogue_, options);
    return compiled.ok() ? absl::StrCat("<", compiled->canonical(), ">") : std::string(compiled.status().message());
  }

 private:
  void Add(absl::string_view name, facts::FactType type, absl::string_view unit = "") {
    (void)catalogue_.Add({.name = std::string(name), .type = type, .unit = std::string(unit)}).value();
  }

  facts::FactCatalogue catalogue_;
};

}  // namespace perennial::testing
