#include "health-svc/rules/curve.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perennial::health {
namespace {

bool IsScore(double score) { return score >= 0 && score <= 100; }

}  // namespace

Curve Curve::Compile(const v1::Curve& curve, const std::string& where, BadRequest& faults) {
  Curve out;
  switch (curve.curve_case()) {
    case v1::Curve::kTiers:
      out.kind_ = Kind::kTiers;
      out.ReadPoints(curve.tiers().tiers(), 1, where + ".tiers.tiers", faults);
      break;
    case v1::Curve::kLinear:
      out.kind_ = Kind::kLinear;
      out.ReadPoints(curve.linear().points(), 2, where + ".linear.points", faults);
      break;
    case v1::Curve::kLinearBounded:
      out.kind_ = Kind::kLinearBounded;
      out.ReadPoints(curve.linear_bounded().points(), 2, where + ".linear_bounded.points", faults);
      break;
    case v1::Curve::kMatch:
      out.kind_ = Kind::kMatch;
      out.ReadCases(curve.match(), where + ".match", faults);
      break;
    case v1::Curve::CURVE_NOT_SET: faults.Add(where, "must be one of tiers, linear, linear_bounded and match");
  }
  return out;
}

void Curve::ReadPoints(const google::protobuf::RepeatedPtrField<v1::CurvePoint>& points, int fewest,
                       const std::string& where, BadRequest& faults) {
  if (points.size() < fewest)
    faults.Add(where, absl::StrCat("must have at least ", fewest, fewest == 1 ? " tier" : " points"));
  for (int i = 0; i < points.size(); ++i) {
    const std::string at = absl::StrCat(where, "[", i, "]");
    if (!std::isfinite(points[i].value())) {
      faults.Add(at + ".value", "must be a finite number");
    } else if (!points_.empty() && points[i].value() <= points_.back().first) {
      faults.Add(at + ".value", "must be greater than the one before");
    }
    if (!IsScore(points[i].score())) faults.Add(at + ".score", "must lie between 0 and 100");
    points_.emplace_back(points[i].value(), points[i].score());
  }
}

void Curve::ReadCases(const v1::MatchCurve& match, const std::string& where, BadRequest& faults) {
  if (match.cases().empty()) faults.Add(where + ".cases", "must have at least one case");
  for (int i = 0; i < match.cases_size(); ++i) {
    const v1::MatchCase& one = match.cases(i);
    const std::string at = absl::StrCat(where, ".cases[", i, "]");
    if (!IsScore(one.score())) faults.Add(at + ".score", "must lie between 0 and 100");
    if (!texts_.emplace(one.value(), one.score()).second) faults.Add(at + ".value", "stands twice");
    double number = 0;
    if (absl::SimpleAtod(one.value(), &number)) numbers_.emplace_back(number, one.score());
  }
  if (match.has_default_score()) {
    default_ = match.default_score();
    if (!IsScore(*default_)) faults.Add(where + ".default_score", "must lie between 0 and 100");
  }
}

bool Curve::Reads(facts::FactType type) const {
  switch (type) {
    case facts::FactType::kNumber: return true;
    case facts::FactType::kString:
    case facts::FactType::kBool: return kind_ == Kind::kMatch;
    default: return false;
  }
}

std::optional<double> Curve::Points(const facts::RowReader& row, facts::FactId fact, facts::FactType type) const {
  if (type == facts::FactType::kString) {
    const auto text = row.Text(fact);
    return text.has_value() ? OfText(*text) : std::nullopt;
  }
  const auto number = row.Number(fact);
  if (!number.has_value()) return std::nullopt;
  return type == facts::FactType::kBool ? OfText(*number != 0 ? "true" : "false") : OfNumber(*number);
}

std::optional<double> Curve::OfText(absl::string_view value) const {
  const auto found = texts_.find(value);
  return found == texts_.end() ? default_ : found->second;
}

std::optional<double> Curve::OfNumber(double value) const {
  if (kind_ == Kind::kNone || !std::isfinite(value)) return std::nullopt;
  if (kind_ == Kind::kMatch) {
    for (const auto& [number, score] : numbers_) {
      if (number == value) return score;
    }
    return default_;
  }
  if (points_.empty()) return std::nullopt;
  // The first point above the value.
  const auto above = std::upper_bound(points_.begin(), points_.end(), value,
                                      [](double v, const std::pair<double, double>& point) { return v < point.first; });
  if (above == points_.begin())
    return kind_ == Kind::kLinearBounded ? std::nullopt : std::optional(points_.front().second);
  const auto below = above - 1;
  if (kind_ == Kind::kTiers || below->first == value) return below->second;
  if (above == points_.end()) return kind_ == Kind::kLinearBounded ? std::nullopt : std::optional(below->second);
  const double share = (value - below->first) / (above->first - below->first);
  return below->second + share * (above->second - below->second);
}

}  // namespace perennial::health
