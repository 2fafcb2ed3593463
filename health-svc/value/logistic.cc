#include "health-svc/value/logistic.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "common/base/error_details.h"
#include "common/base/status_macros.h"

namespace perennial::value {
namespace {

double Sigmoid(double logit) {
  return logit >= 0 ? 1 / (1 + std::exp(-logit)) : std::exp(logit) / (1 + std::exp(logit));
}

// The problem over standardised columns, the first of which is the intercept.
struct Problem {
  Eigen::MatrixXd rows = {};
  Eigen::VectorXd outcomes = {};
  Eigen::VectorXd penalty = {};
  Eigen::VectorXd low = {};
  Eigen::VectorXd high = {};
  bool bounded = false;

  [[nodiscard]] double Cost(const Eigen::VectorXd& at) const {
    const Eigen::VectorXd logits = rows * at;
    double cost = 0.5 * penalty.dot(at.cwiseAbs2());
    for (Eigen::Index i = 0; i < logits.size(); ++i) {
      const double logit = logits(i);
      cost += std::log1p(std::exp(-std::abs(logit))) + std::max(logit, 0.0) - outcomes(i) * logit;
    }
    return cost;
  }
};

// The step of Newton's method; with bounds, the minimum of its quadratic model within them, coordinate by coordinate.
Eigen::VectorXd Step(const Problem& problem, const Eigen::VectorXd& at, const Eigen::VectorXd& gradient,
                     const Eigen::MatrixXd& hessian) {
  if (!problem.bounded) return hessian.ldlt().solve(-gradient);
  Eigen::VectorXd step = Eigen::VectorXd::Zero(at.size());
  for (int sweep = 0; sweep < 200; ++sweep) {
    double most = 0;
    for (Eigen::Index i = 0; i < at.size(); ++i) {
      const double slope = gradient(i) + hessian.row(i).dot(step);
      const double moved = std::clamp(at(i) + step(i) - slope / hessian(i, i), problem.low(i), problem.high(i)) - at(i);
      most = std::max(most, std::abs(moved - step(i)));
      step(i) = moved;
    }
    if (most < 1e-12) break;
  }
  return step;
}

absl::StatusOr<Eigen::VectorXd> Minimize(const Problem& problem, const LogisticOptions& options) {
  Eigen::VectorXd at = Eigen::VectorXd::Zero(problem.rows.cols());
  const double rate = std::clamp(problem.outcomes.mean(), 1e-6, 1 - 1e-6);
  at(0) = std::log(rate / (1 - rate));
  if (problem.bounded) at = at.cwiseMax(problem.low).cwiseMin(problem.high);
  double cost = problem.Cost(at);
  for (int iteration = 0; iteration < options.most_iterations; ++iteration) {
    if (absl::Now() >= options.deadline) return absl::DeadlineExceededError("the fit did not end in time");
    const Eigen::VectorXd chances = (problem.rows * at).unaryExpr(&Sigmoid);
    const Eigen::VectorXd weights = chances.array() * (1 - chances.array());
    const Eigen::VectorXd gradient =
        problem.rows.transpose() * (chances - problem.outcomes) + problem.penalty.cwiseProduct(at);
    Eigen::MatrixXd hessian = problem.rows.transpose() * weights.asDiagonal() * problem.rows;
    // A grain of curvature for the intercept, whose weights vanish when all chances near 0 or 1.
    hessian.diagonal() += (problem.penalty.array() + 1e-9).matrix();
    const Eigen::VectorXd step = Step(problem, at, gradient, hessian);
    double length = 1;
    double next = problem.Cost(at + step);
    while (!(next <= cost) && length > 1e-8) next = problem.Cost(at + (length /= 2) * step);
    if (!(next <= cost)) return at;
    at += length * step;
    if (cost - next <= 1e-12 * std::max(1.0, cost)) return at;
    cost = next;
  }
  return at;
}

Problem Standardised(const Eigen::MatrixXd& rows, const Eigen::VectorXd& outcomes, const LogisticOptions& options,
                     const Eigen::VectorXd& means, const Eigen::VectorXd& scales) {
  const Eigen::Index columns = rows.cols();
  Problem problem{.rows = Eigen::MatrixXd(rows.rows(), columns + 1), .outcomes = outcomes};
  problem.rows.col(0).setOnes();
  for (Eigen::Index j = 0; j < columns; ++j) problem.rows.col(j + 1) = (rows.col(j).array() - means(j)) / scales(j);
  problem.penalty = Eigen::VectorXd::Constant(columns + 1, options.ridge);
  problem.penalty(0) = 0;
  problem.bounded = !options.bounds.empty();
  problem.low = Eigen::VectorXd::Constant(columns + 1, -HUGE_VAL);
  problem.high = Eigen::VectorXd::Constant(columns + 1, HUGE_VAL);
  for (std::size_t j = 0; j < options.bounds.size(); ++j) {
    const auto column = static_cast<Eigen::Index>(j);
    if (std::isinf(scales(column))) continue;
    problem.low(column + 1) = options.bounds[j].first * scales(column);
    problem.high(column + 1) = options.bounds[j].second * scales(column);
  }
  return problem;
}

}  // namespace

double LogisticModel::Logit(const Eigen::Ref<const Eigen::RowVectorXd>& row) const {
  return intercept + row.dot(coefficients);
}

double LogisticModel::Probability(const Eigen::Ref<const Eigen::RowVectorXd>& row) const { return Sigmoid(Logit(row)); }

absl::StatusOr<LogisticModel> FitLogistic(const Eigen::MatrixXd& rows, const Eigen::VectorXd& outcomes,
                                          const LogisticOptions& options) {
  if (!rows.allFinite()) return absl::InvalidArgumentError("a column holds a number that is not finite");
  const double rate = outcomes.size() == 0 ? 0 : outcomes.mean();
  if (rate <= 0 || rate >= 1) {
    return WithReason(
        absl::FailedPreconditionError("only one of the two outcomes occurs: nothing can be learnt from it"),
        "TOO_LITTLE_HISTORY");
  }
  const Eigen::VectorXd means = rows.colwise().mean();
  Eigen::VectorXd scales(rows.cols());
  for (Eigen::Index j = 0; j < rows.cols(); ++j) {
    const double deviation = std::sqrt((rows.col(j).array() - means(j)).square().mean());
    // A column without variance tells nothing; as zeros, the penalty keeps its coefficient at zero.
    scales(j) = deviation > 1e-12 * std::max(1.0, std::abs(means(j))) ? deviation : HUGE_VAL;
  }
  PERENNIAL_ASSIGN_OR_RETURN(const Eigen::VectorXd at,
                             Minimize(Standardised(rows, outcomes, options, means, scales), options));
  LogisticModel model{.intercept = at(0), .coefficients = at.tail(rows.cols()).cwiseQuotient(scales), .means = means};
  model.intercept -= model.coefficients.dot(means);
  return model;
}

double PlattScale::Probability(double logit) const { return Sigmoid(slope * logit + offset); }

absl::StatusOr<PlattScale> FitPlatt(const Eigen::VectorXd& logits, const Eigen::VectorXd& outcomes) {
  const double yes = outcomes.sum();
  const double no = static_cast<double>(outcomes.size()) - yes;
  const Eigen::VectorXd targets =
      outcomes.unaryExpr([&](double y) { return y > 0.5 ? (yes + 1) / (yes + 2) : 1 / (no + 2); });
  PERENNIAL_ASSIGN_OR_RETURN(const LogisticModel line, FitLogistic(logits, targets, {.ridge = 1e-6}));
  return PlattScale{.slope = line.coefficients(0), .offset = line.intercept};
}

}  // namespace perennial::value
