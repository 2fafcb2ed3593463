#pragma once

#include <Eigen/Core>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace perennial::value {

struct LogisticOptions {
  // Weight of the squared coefficients (ridge, on standardised columns; the intercept is free): it keeps collinear
  // columns and columns that separate the outcomes perfectly from running away. Greater than 0.
  double ridge = 1;
  // Bounds of each coefficient, in units of the original columns; empty means none.
  std::vector<std::pair<double, double>> bounds = {};
  int most_iterations = 100;
  absl::Time deadline = absl::InfiniteFuture();
};

// Chance of an outcome = 1 / (1 + exp(-(intercept + coefficients . x))).
struct LogisticModel {
  double intercept = 0;
  Eigen::VectorXd coefficients = {};
  Eigen::VectorXd means =
      {};  // of the columns it was fitted on: coefficient * (x - mean) is a column's part in a chance

  [[nodiscard]] double Logit(const Eigen::Ref<const Eigen::RowVectorXd>& row) const;
  [[nodiscard]] double Probability(const Eigen::Ref<const Eigen::RowVectorXd>& row) const;
};

// Ridge-penalised logistic regression by Newton's method (iteratively reweighted least squares; Hastie, Tibshirani &
// Friedman, "The Elements of Statistical Learning", 4.4), with bounds by projected coordinate steps. `outcomes` are 0
// or 1. Columns without variance get the coefficient 0. FAILED_PRECONDITION when only one outcome occurs;
// INVALID_ARGUMENT when a number is not finite; DEADLINE_EXCEEDED.
absl::StatusOr<LogisticModel> FitLogistic(const Eigen::MatrixXd& rows, const Eigen::VectorXd& outcomes,
                                          const LogisticOptions& options = {});

// Platt's calibration: a straight line over logits, so that predicted chances match observed rates. Platt,
// "Probabilistic Outputs for Support Vector Machines" (1999), with his targets, which keep few outcomes from being
// certain.
struct PlattScale {
  double slope = 1;
  double offset = 0;
  [[nodiscard]] double Probability(double logit) const;
};
absl::StatusOr<PlattScale> FitPlatt(const Eigen::VectorXd& logits, const Eigen::VectorXd& outcomes);

}  // namespace perennial::value
