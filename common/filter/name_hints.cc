#include "common/filter/name_hints.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/nearest.h"

namespace perennial::filter {

std::string NearestFact(absl::string_view name, const facts::FactCatalogue& catalogue) {
  const std::string attribute = absl::StrCat("attributes.", name);
  if (catalogue.Find(attribute).has_value()) return attribute;
  const std::string ending = absl::StrCat(".", name);
  std::vector<absl::string_view> names;
  names.reserve(catalogue.size());
  for (facts::FactId id = 0; id < catalogue.size(); ++id) {
    names.emplace_back(catalogue.Get(id).name);
    if (absl::EndsWith(names.back(), ending)) return std::string(names.back());
  }
  return NearestName(name, names);
}

std::string DidYouMean(absl::string_view name, absl::string_view otherwise) {
  return name.empty() ? std::string(otherwise) : absl::StrCat("did you mean '", name, "'?");
}

bool IsGroup(absl::string_view group, const facts::FactCatalogue& catalogue) {
  const std::string start = absl::StrCat(group, ".");
  for (facts::FactId id = 0; id < catalogue.size(); ++id) {
    if (absl::StartsWith(catalogue.Get(id).name, start)) return true;
  }
  return false;
}

}  // namespace perennial::filter
