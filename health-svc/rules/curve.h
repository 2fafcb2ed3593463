#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "common/facts/fact_table.h"
#include "perennial/health/v1/scorecard.pb.h"

namespace perennial::health {

// Maps a known fact to points, 0 to 100. Immutable.
class Curve {
 public:
  // Reads a curve; what is wrong with it goes to `faults`, named from `where` on.
  static Curve Compile(const v1::Curve& curve, const std::string& where, BadRequest& faults);

  // Whether facts of that type can be read: numbers by every curve, strings and bools by `match`, times and sets by
  // none.
  [[nodiscard]] bool Reads(facts::FactType type) const;
  // Points of the row's fact, whose type this curve reads. Nothing when the fact is unknown, lies outside a bounded
  // curve or matches no case.
  [[nodiscard]] std::optional<double> Points(const facts::RowReader& row, facts::FactId fact,
                                             facts::FactType type) const;
  // The same of a value of that type.
  [[nodiscard]] std::optional<double> OfValue(const facts::FactValue& value, facts::FactType type) const;
  [[nodiscard]] std::optional<double> OfNumber(double value) const;
  [[nodiscard]] std::optional<double> OfText(absl::string_view value) const;
  // Points of many numbers. `has` says, by 1 or 0, which of them are known, and on return which have points; where it
  // is 0, points are 0.
  void OfNumbers(std::size_t count, const double* values, double* points, double* has) const;
  // Points of the codes of texts that this names; every other code has OfOtherText().
  [[nodiscard]] absl::flat_hash_map<std::uint32_t, double> OfCodes(const facts::Dictionary& dictionary) const;
  [[nodiscard]] std::optional<double> OfOtherText() const { return default_; }

 private:
  enum class Kind : unsigned char { kNone, kTiers, kLinear, kLinearBounded, kMatch };
  void ReadPoints(const google::protobuf::RepeatedPtrField<v1::CurvePoint>& points, int fewest,
                  const std::string& where, BadRequest& faults);
  void ReadCases(const v1::MatchCurve& match, const std::string& where, BadRequest& faults);
  void MatchNumbers(std::size_t count, const double* values, double* points, double* has) const;
  void AlongLines(std::size_t count, const double* values, double* points) const;

  Kind kind_ = Kind::kNone;
  std::vector<std::pair<double, double>> points_;  // value, score; ascending
  absl::flat_hash_map<std::string, double> texts_;
  std::vector<std::pair<double, double>> numbers_;  // the cases that are numbers
  std::optional<double> default_;
};

}  // namespace perennial::health
