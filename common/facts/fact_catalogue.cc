#include "common/facts/fact_catalogue.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace perennial::facts {

absl::string_view NameOf(FactType type) {
  switch (type) {
    case FactType::kNumber: return "number";
    case FactType::kString: return "string";
    case FactType::kBool: return "bool";
    case FactType::kTime: return "time";
    case FactType::kStringSet: return "set of strings";
  }
  return "unknown type";
}

absl::StatusOr<FactId> FactCatalogue::Add(FactDefinition definition) {
  if (const auto found = Find(definition.name)) {
    if (Get(*found).type != definition.type) {
      return absl::FailedPreconditionError(absl::StrCat("fact '", definition.name, "' is a ", NameOf(Get(*found).type),
                                                        ", not a ", NameOf(definition.type)));
    }
    return *found;
  }
  const auto id = static_cast<FactId>(definitions_.size());
  ids_.emplace(definition.name, id);
  definitions_.push_back(std::move(definition));
  return id;
}

std::optional<FactId> FactCatalogue::Find(absl::string_view name) const {
  const auto found = ids_.find(name);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

}  // namespace perennial::facts
