// How a churn model is learnt from rows, and tried on others.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "health-svc/churn_evaluation.h"
#include "health-svc/churn_fit.h"
#include "health-svc/value/logistic.h"

namespace perennial::health {
namespace {

// Fewer accounts of either kind say nothing.
constexpr std::size_t kFewest = 10;
constexpr std::size_t kFewestInHoldout = 2;
// Parts that the rows of the fit are split into for the calibration.
constexpr int kFolds = 5;
// Numbers in a matrix: bounds the memory of a fit.
constexpr std::size_t kMostCells = 6'000'000;

using Places = std::vector<std::size_t>;

struct Split {
  Places fit = {};
  Places test = {};
  bool out_of_time = false;
};

std::pair<std::size_t, std::size_t> ChurnedAndStayed(const ChurnRows& rows, const Places& places) {
  std::size_t churned = 0;
  for (const std::size_t place : places) churned += rows.rows()[place].churned ? 1 : 0;
  return {churned, places.size() - churned};
}

bool HasBoth(const ChurnRows& rows, const Places& places, std::size_t fewest) {
  const auto [churned, stayed] = ChurnedAndStayed(rows, places);
  return churned >= fewest && stayed >= fewest;
}

Split SplitOf(const ChurnRows& rows, const ChurnLearning& how) {
  Split by_time{.out_of_time = true};
  Split by_account;
  for (std::size_t i = 0; i < rows.rows().size(); ++i) {
    const ChurnRows::Row& row = rows.rows()[i];
    (row.date == how.last_date ? by_time.test : by_time.fit).push_back(i);
    (row.fold < how.holdout_share ? by_account.test : by_account.fit).push_back(i);
  }
  const bool apart =
      how.last_date_apart && HasBoth(rows, by_time.fit, kFewest) && HasBoth(rows, by_time.test, kFewestInHoldout);
  return apart ? by_time : by_account;
}

absl::Status TooLittle(const ChurnRows& rows, const Places& places, absl::string_view what) {
  const auto [churned, stayed] = ChurnedAndStayed(rows, places);
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "of the accounts that ", what, ", ", churned, " churned within the horizon and ", stayed,
                        " stayed; that is too few of one kind: take more or other dates, a longer horizon, or import "
                        "more history. Values rest on retention models meanwhile")),
                    "TOO_LITTLE_HISTORY");
}

Eigen::VectorXd OutcomesOf(const ChurnRows& rows, const Places& places) {
  Eigen::VectorXd out(static_cast<Eigen::Index>(places.size()));
  for (std::size_t i = 0; i < places.size(); ++i) {
    out(static_cast<Eigen::Index>(i)) = rows.rows()[places[i]].churned ? 1 : 0;
  }
  return out;
}

// Means of the known numbers of each column; they stand in for unknown ones.
Eigen::RowVectorXd MeansOf(const Eigen::MatrixXd& matrix) {
  Eigen::RowVectorXd means = Eigen::RowVectorXd::Zero(matrix.cols());
  for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
    double sum = 0;
    double count = 0;
    for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
      if (std::isnan(matrix(i, j))) continue;
      sum += matrix(i, j);
      count += 1;
    }
    if (count > 0) means(j) = sum / count;
  }
  return means;
}

// Columns less their means, with 0 where a number is unknown.
void Centre(const Eigen::RowVectorXd& means, Eigen::MatrixXd& matrix) {
  for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
    for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
      matrix(i, j) = std::isnan(matrix(i, j)) ? 0 : matrix(i, j) - means(j);
    }
  }
}

// Log odds of the rows of each fold by a model that did not see the accounts of that fold.
absl::StatusOr<value::PlattScale> Calibrate(const ChurnRows& rows, const Places& places, const Eigen::MatrixXd& matrix,
                                            const Eigen::VectorXd& outcomes, const ChurnLearning& how) {
  std::vector<double> log_odds;
  std::vector<double> churned;
  for (int fold = 0; fold < kFolds; ++fold) {
    std::vector<Eigen::Index> in;
    std::vector<Eigen::Index> out;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const int of = static_cast<int>(rows.rows()[places[i]].fraction * 1e6) % kFolds;
      (of == fold ? out : in).push_back(static_cast<Eigen::Index>(i));
    }
    if (in.empty() || out.empty()) continue;
    const Eigen::VectorXd seen = outcomes(in);
    if (seen.minCoeff() == seen.maxCoeff()) continue;
    const Eigen::MatrixXd part = matrix(in, Eigen::all);
    PERENNIAL_ASSIGN_OR_RETURN(const value::LogisticModel model,
                               value::FitLogistic(part, seen, {.ridge = how.ridge, .deadline = how.deadline}));
    for (const Eigen::Index i : out) {
      log_odds.push_back(model.Logit(matrix.row(i)));
      churned.push_back(outcomes(i));
    }
  }
  const Eigen::Map<const Eigen::VectorXd> x(log_odds.data(), static_cast<Eigen::Index>(log_odds.size()));
  const Eigen::Map<const Eigen::VectorXd> y(churned.data(), static_cast<Eigen::Index>(churned.size()));
  const auto line = log_odds.empty() ? absl::StatusOr<value::PlattScale>(value::PlattScale()) : value::FitPlatt(x, y);
  if (!line.ok()) return value::PlattScale();  // one kind only was left out: nothing to calibrate by
  // A model that tells nothing of accounts that it has not seen is not turned round: it tells the mean rate.
  const double rate = outcomes.mean();
  if (!(line->slope > 0)) return value::PlattScale{.slope = 0, .offset = std::log(rate / (1 - rate))};
  return *line;
}

void SetCoefficients(const std::vector<ChurnTerm>& terms, const Eigen::RowVectorXd& means,
                     const Eigen::MatrixXd& centred, const value::LogisticModel& model, v1::ChurnFit* out) {
  std::vector<v1::ChurnCoefficient> all;
  for (std::size_t j = 0; j < terms.size(); ++j) {
    const auto column = static_cast<Eigen::Index>(j);
    const double coefficient = model.coefficients(column);
    const double deviation = std::sqrt((centred.col(column).array() - centred.col(column).mean()).square().mean());
    if (coefficient == 0 || !std::isfinite(coefficient)) continue;
    v1::ChurnCoefficient& told = all.emplace_back();
    told.set_term(NameOfTerm(terms[j]));
    told.set_coefficient(coefficient);
    told.set_standardised(coefficient * deviation);
    told.set_mean(means(column));
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::abs(a.standardised()) > std::abs(b.standardised());
  });
  for (v1::ChurnCoefficient& told : all) *out->add_coefficients() = std::move(told);
}

}  // namespace

absl::StatusOr<v1::ChurnFit> LearnChurn(ChurnRows& rows, const ChurnLearning& how) {
  Split split = SplitOf(rows, how);
  if (!HasBoth(rows, split.fit, kFewest)) return TooLittle(rows, split.fit, "the model would be fitted on");
  if (!HasBoth(rows, split.test, kFewestInHoldout)) return TooLittle(rows, split.test, "it would be tested on");
  std::vector<ChurnTerm> terms = rows.TermsOf(split.fit);
  const std::size_t cells = split.fit.size() * std::max<std::size_t>(1, terms.size());
  if (cells > kMostCells) {
    rows.Thin(static_cast<double>(kMostCells) / static_cast<double>(cells));
    split = SplitOf(rows, how);
    if (!HasBoth(rows, split.fit, kFewest)) return TooLittle(rows, split.fit, "the model would be fitted on");
    if (!HasBoth(rows, split.test, kFewestInHoldout)) return TooLittle(rows, split.test, "it would be tested on");
    terms = rows.TermsOf(split.fit);
  }
  Eigen::MatrixXd matrix = rows.Matrix(split.fit, terms);
  const Eigen::VectorXd outcomes = OutcomesOf(rows, split.fit);
  const Eigen::RowVectorXd means = MeansOf(matrix);
  Centre(means, matrix);
  PERENNIAL_ASSIGN_OR_RETURN(const value::LogisticModel model,
                             value::FitLogistic(matrix, outcomes, {.ridge = how.ridge, .deadline = how.deadline}));
  PERENNIAL_ASSIGN_OR_RETURN(const value::PlattScale line, Calibrate(rows, split.fit, matrix, outcomes, how));
  v1::ChurnFit fit;
  SetCoefficients(terms, means, matrix, model, &fit);
  fit.set_intercept(model.intercept);
  fit.set_calibration_slope(line.slope);
  fit.set_calibration_offset(line.offset);
  fit.set_rows(static_cast<std::int64_t>(split.fit.size()));
  fit.set_churned(std::llround(outcomes.sum()));
  fit.set_horizon_days(how.horizon_days);
  Eigen::MatrixXd unseen = rows.Matrix(split.test, terms);
  Centre(means, unseen);
  std::vector<PredictedRow> predicted;
  for (std::size_t i = 0; i < split.test.size(); ++i) {
    const double log_odds = model.Logit(unseen.row(static_cast<Eigen::Index>(i)));
    predicted.push_back({.churn = line.Probability(log_odds), .churned = rows.rows()[split.test[i]].churned});
  }
  *fit.mutable_evaluation() = EvaluateChurn(std::move(predicted), outcomes.mean());
  fit.mutable_evaluation()->set_out_of_time(split.out_of_time);
  return fit;
}

}  // namespace perennial::health
