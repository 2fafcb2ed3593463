#include "health-svc/hierarchy.h"

#include <utility>

#include "absl/strings/strip.h"

namespace perennial::health {

void Hierarchy::SetParent(facts::RowId row, std::optional<absl::string_view> parent) {
  std::string next;
  if (parent.has_value()) next = std::string(absl::StripPrefix(*parent, "accounts/"));
  const auto present = parents_.find(row);
  if (present == parents_.end() ? next.empty() : present->second == next) return;
  if (present != parents_.end()) {
    const auto siblings = children_.find(present->second);
    siblings->second.erase(row);
    if (siblings->second.empty()) children_.erase(siblings);
    parents_.erase(present);
  }
  if (next.empty()) return;
  children_[next].insert(row);
  parents_.emplace(row, std::move(next));
}

const absl::flat_hash_set<facts::RowId>* Hierarchy::ChildrenOf(absl::string_view account_id) const {
  const auto found = children_.find(account_id);
  return found == children_.end() ? nullptr : &found->second;
}

}  // namespace perennial::health
