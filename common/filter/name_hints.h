#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/facts/fact_catalogue.h"

namespace perennial::filter {

// The fact that someone who wrote `name` probably meant: the same name in a group (attributes first), or a similar one.
// Empty when there is none.
std::string NearestFact(absl::string_view name, const facts::FactCatalogue& catalogue);

// "did you mean '<name>'?", or `otherwise` when `name` is empty.
std::string DidYouMean(absl::string_view name, absl::string_view otherwise = "");

// Whether the catalogue has a fact whose name starts with `group` and a point.
bool IsGroup(absl::string_view group, const facts::FactCatalogue& catalogue);

}  // namespace perennial::filter
