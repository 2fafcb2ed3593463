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

std::optional<double> Curve::OfValue(const facts::FactValue& value, facts::FactType type) const {
  if (const auto* text = std::get_if<std::string>(&value)) return OfText(*text);
  const auto* number = std::get_if<double>(&value);
  if (number == nullptr) return std::nullopt;
  return type == facts::FactType::kBool ? OfText(*number != 0 ? "true" : "false") : OfNumber(*number);
}

std::optional<double> Curve::OfText(absl::string_view value) const {
  const auto found = texts_.find(value);
  return found == texts_.end() ? default_ : found->second;
}

std::optional<double> Curve::OfNumber(double value) const {
  if (!std::isfinite(value)) return std::nullopt;
  double points = 0;
  double has = 1;
  OfNumbers(1, &value, &points, &has);
  return has > 0 ? std::optional<double>(points) : std::nullopt;
}

// Every step or line is looked at for every number, without branches: a later one that the number reaches wins.
void Curve::OfNumbers(std::size_t count, const double* values, double* points, double* has) const {
  if (kind_ == Kind::kMatch) {
    MatchNumbers(count, values, points, has);
  } else if (kind_ == Kind::kNone || points_.empty()) {
    std::fill_n(has, count, 0.0);
  } else if (kind_ == Kind::kTiers) {
    std::fill_n(points, count, points_.front().second);
    for (const auto& [value, score] : points_) {
      const double from = value;
      const double there = score;
      for (std::size_t i = 0; i < count; ++i) points[i] = values[i] >= from ? there : points[i];
    }
  } else {
    AlongLines(count, values, points);
  }
  if (kind_ == Kind::kLinearBounded && !points_.empty()) {
    const double first = points_.front().first;
    const double last = points_.back().first;
    for (std::size_t i = 0; i < count; ++i) has[i] = values[i] >= first && values[i] <= last ? has[i] : 0.0;
  }
  for (std::size_t i = 0; i < count; ++i) points[i] = has[i] > 0 ? points[i] : 0.0;
}

void Curve::AlongLines(std::size_t count, const double* values, double* points) const {
  std::fill_n(points, count, points_.front().second);
  for (std::size_t k = 0; k + 1 < points_.size(); ++k) {
    const double from = points_[k].first;
    const double there = points_[k].second;
    const double width = points_[k + 1].first - from;
    const double height = points_[k + 1].second - there;
    for (std::size_t i = 0; i < count; ++i) {
      const double at = there + (values[i] - from) / width * height;
      points[i] = values[i] >= from ? at : points[i];
    }
  }
  const auto [last, score] = points_.back();
  const double from = last;
  const double there = score;
  for (std::size_t i = 0; i < count; ++i) points[i] = values[i] >= from ? there : points[i];
}

void Curve::MatchNumbers(std::size_t count, const double* values, double* points, double* has) const {
  const double others = default_.value_or(0);
  const bool any = default_.has_value();
  for (std::size_t i = 0; i < count; ++i) {
    double matched = any ? 1 : 0;
    points[i] = others;
    // The first case of a number counts.
    for (auto at = numbers_.rbegin(); at != numbers_.rend(); ++at) {
      if (at->first != values[i]) continue;
      points[i] = at->second;
      matched = 1;
    }
    has[i] *= matched;
  }
}

absl::flat_hash_map<std::uint32_t, double> Curve::OfCodes(const facts::Dictionary& dictionary) const {
  absl::flat_hash_map<std::uint32_t, double> out;
  for (const auto& [text, score] : texts_) {
    if (const std::uint32_t code = dictionary.Find(text); code != 0) out[code] = score;
  }
  return out;
}

}  // namespace perennial::health
