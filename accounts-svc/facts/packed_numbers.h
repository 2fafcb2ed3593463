#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "accounts-svc/facts/number_row.h"

namespace perennial::accounts {

// Numbers of a row of facts in the form in which it is stored (serialized PackedFacts, by the store's numbers). Changing some
// gives the same bytes as packing the changed row anew, and costs no more than the change and one look over the ids.
class PackedNumbers final : public NumberRow {
 public:
  // `payload` as facts::Pack makes it; DATA_LOSS when it is none. Both must outlive this.
  static absl::StatusOr<PackedNumbers> Open(absl::string_view payload, const FactNumbering& numbering);

  void Set(facts::FactId fact, std::optional<double> value) override;
  [[nodiscard]] std::optional<double> Get(facts::FactId fact) const override;
  // Whether anything differs from the payload.
  [[nodiscard]] bool changed() const { return changed_; }
  // The payload with all changes.
  [[nodiscard]] std::string Pack() const;

 private:
  explicit PackedNumbers(const FactNumbering& numbering) : numbering_(&numbering) {}

  const FactNumbering* numbering_;
  std::vector<facts::FactId> ids_;  // the store's, ascending
  std::vector<double> values_;
  absl::string_view tail_;  // all that are no numbers
  bool changed_ = false;
};

}  // namespace perennial::accounts
