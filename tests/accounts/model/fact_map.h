#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "perennial/accounts/v1/fact.pb.h"
#include "perennial/accounts/v1/fact_service.pb.h"

namespace perennial::accounts::testing {

using FactValue = std::variant<double, std::string, bool, absl::Time, std::set<std::string>>;
// Known facts by name.
using FactMap = std::map<std::string, FactValue>;

// What differs between two sets of facts, one line a fact; empty when they are the same. Numbers may differ in the last
// digits: sums of doubles depend on their order.
std::string Difference(const FactMap& expected, const FactMap& actual);

// Facts as GetFacts answers them.
FactMap FactMapOf(const perennial::accounts::v1::GetFactsResponse& response);

// Reads rows of WatchFacts or ExportFacts, whose facts have the numbers that the stream announced.
class RowReader {
 public:
  // False when the number was announced before.
  bool Announce(const perennial::accounts::v1::FactDefinition& definition);
  // The facts of a row; a number that was not announced gives the fact "unannounced".
  [[nodiscard]] FactMap Read(const perennial::accounts::v1::PackedFacts& row) const;

 private:
  std::map<std::uint32_t, perennial::accounts::v1::FactDefinition> definitions_;
};

}  // namespace perennial::accounts::testing
