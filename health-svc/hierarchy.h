#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "common/facts/fact_table.h"

namespace perennial::health {

// Which accounts lie below which, by the fact `parent`. Takes memory only for accounts that have a parent. Not
// thread-safe: its owner guards it.
class Hierarchy {
 public:
  // The row's parent is this from now on, an id or "accounts/{id}"; nothing for none. It need not be there (yet).
  void SetParent(facts::RowId row, std::optional<absl::string_view> parent);
  // Rows right below an account; null for none.
  [[nodiscard]] const absl::flat_hash_set<facts::RowId>* ChildrenOf(absl::string_view account_id) const;

 private:
  absl::flat_hash_map<facts::RowId, std::string> parents_;
  absl::flat_hash_map<std::string, absl::flat_hash_set<facts::RowId>> children_;
};

}  // namespace perennial::health
