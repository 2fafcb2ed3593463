#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial::facts {

enum class FactType : std::uint8_t { kNumber, kString, kBool, kTime, kStringSet };

// "number", "string", "bool", "time" or "set of strings".
absl::string_view NameOf(FactType type);

// Number of a fact within one catalogue: dense, from 0, never reused. Two processes may number the same fact differently.
using FactId = std::uint32_t;

struct FactDefinition {
  std::string name;
  FactType type = FactType::kNumber;
  std::string unit = {};
  std::string meaning = {};
  // Name of the fact that tells the age of this one in days; empty when it has none.
  std::string age_fact = {};
  // Name of the fact that tells since when this one has had its present value: a number of days, or a time; empty when it
  // has none.
  std::string change_fact = {};

  bool operator==(const FactDefinition&) const = default;
};

// The facts that are known to exist. Grows, never shrinks. Not thread-safe: its owner guards it. References to definitions
// stay valid.
class FactCatalogue {
 public:
  // Id of the fact of that name, which is added when it is new. FAILED_PRECONDITION when it exists with another type.
  absl::StatusOr<FactId> Add(FactDefinition definition);
  [[nodiscard]] std::optional<FactId> Find(absl::string_view name) const;
  // Frees the name for another fact. The number stays taken and its definition readable.
  void Forget(absl::string_view name) { ids_.erase(name); }
  [[nodiscard]] const FactDefinition& Get(FactId id) const { return definitions_[id]; }
  [[nodiscard]] std::size_t size() const { return definitions_.size(); }

 private:
  std::deque<FactDefinition> definitions_;
  absl::flat_hash_map<std::string, FactId> ids_;
};

}  // namespace perennial::facts
