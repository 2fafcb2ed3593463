#include "health-svc/value/maximize.h"

#include <ceres/ceres.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <cstddef>

namespace perennial::value {
namespace {

// Beyond it a parameter has no influence any more, and the search would run away on a likelihood that only nears its
// limit.
constexpr double kMostLog = 14;

std::vector<double> Exponentials(const double* logs, std::size_t count) {
  std::vector<double> parameters(count);
  for (std::size_t i = 0; i < count; ++i) parameters[i] = std::exp(logs[i]);
  return parameters;
}

// The negative log-likelihood over logarithms, with a wall beyond kMostLog that pushes back.
class Objective final : public ceres::FirstOrderFunction {
 public:
  Objective(const LogLikelihood& log_likelihood, std::size_t count, double scale)
      : log_likelihood_(log_likelihood), count_(count), scale_(scale) {}

  bool Evaluate(const double* logs, double* cost, double* gradient) const override {
    const std::vector<double> parameters = Exponentials(logs, count_);
    std::vector<double> by_parameter(gradient != nullptr ? count_ : 0);
    const double value = log_likelihood_(parameters, gradient != nullptr ? &by_parameter : nullptr);
    if (!std::isfinite(value)) return false;
    *cost = -value / scale_;
    for (std::size_t i = 0; i < count_; ++i) {
      const double beyond = std::max(0.0, std::abs(logs[i]) - kMostLog);
      *cost += beyond * beyond;
      if (gradient == nullptr) continue;
      gradient[i] = -by_parameter[i] * parameters[i] / scale_ + std::copysign(2 * beyond, logs[i]);
      if (!std::isfinite(gradient[i])) return false;
    }
    return true;
  }
  int NumParameters() const override { return static_cast<int>(count_); }

 private:
  const LogLikelihood& log_likelihood_;
  const std::size_t count_;
  const double scale_;
};

class StopAtDeadline final : public ceres::IterationCallback {
 public:
  explicit StopAtDeadline(absl::Time deadline) : deadline_(deadline) {}
  ceres::CallbackReturnType operator()(const ceres::IterationSummary&) override {
    return absl::Now() < deadline_ ? ceres::SOLVER_CONTINUE : ceres::SOLVER_ABORT;
  }

 private:
  const absl::Time deadline_;
};

// Derivatives of the gradient over logarithms, by central differences.
Eigen::MatrixXd Hessian(const LogLikelihood& log_likelihood, const std::vector<double>& logs) {
  constexpr double kStep = 1e-5;
  const std::size_t count = logs.size();
  Eigen::MatrixXd hessian(count, count);
  const auto gradient = [&](std::size_t moved, double step) {
    std::vector<double> at = logs;
    at[moved] += step;
    const std::vector<double> parameters = Exponentials(at.data(), count);
    std::vector<double> by_parameter(count);
    log_likelihood(parameters, &by_parameter);
    for (std::size_t i = 0; i < count; ++i) by_parameter[i] *= parameters[i];
    return by_parameter;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<double> above = gradient(i, kStep);
    const std::vector<double> below = gradient(i, -kStep);
    for (std::size_t j = 0; j < count; ++j) {
      hessian(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = (above[j] - below[j]) / (2 * kStep);
    }
  }
  return (hessian + hessian.transpose()) / 2;
}

Eigen::MatrixXd Covariance(const LogLikelihood& log_likelihood, const std::vector<double>& logs) {
  const Eigen::MatrixXd information = -Hessian(log_likelihood, logs);
  if (!information.allFinite()) return {};
  const Eigen::LDLT<Eigen::MatrixXd> factors(information);
  const double least = 1e-9 * std::max(1e-300, information.diagonal().cwiseAbs().maxCoeff());
  if (factors.info() != Eigen::Success || factors.vectorD().minCoeff() <= least) return {};
  return factors.solve(Eigen::MatrixXd::Identity(information.rows(), information.cols()));
}

}  // namespace

std::vector<double> Fit::StandardErrors() const {
  std::vector<double> errors;
  for (Eigen::Index i = 0; i < log_covariance.rows(); ++i) {
    errors.push_back(parameters[static_cast<std::size_t>(i)] * std::sqrt(log_covariance(i, i)));
  }
  return errors;
}

absl::StatusOr<Fit> Maximize(const LogLikelihood& log_likelihood, const std::vector<double>& start,
                             const FitLimits& limits) {
  const double at_start = log_likelihood(start, nullptr);
  if (!std::isfinite(at_start)) {
    return absl::FailedPreconditionError("the likelihood of the data cannot be computed: values are too extreme");
  }
  std::vector<double> logs;
  for (const double parameter : start) logs.push_back(std::log(parameter));
  StopAtDeadline stop(limits.deadline);
  ceres::GradientProblemSolver::Options options;
  options.line_search_direction_type = ceres::LBFGS;
  options.max_num_iterations = limits.most_iterations;
  options.function_tolerance = 1e-14;
  options.gradient_tolerance = 1e-11;
  options.parameter_tolerance = 1e-12;
  options.logging_type = ceres::SILENT;
  options.callbacks = {&stop};
  // In units of its size at the start, so that the tolerances mean the same for ten customers and for a million.
  const double scale = std::max(1.0, std::abs(at_start));
  const ceres::GradientProblem problem(new Objective(log_likelihood, start.size(), scale));
  ceres::GradientProblemSolver::Summary summary;
  ceres::Solve(options, problem, logs.data(), &summary);
  if (absl::Now() >= limits.deadline) return absl::DeadlineExceededError("the fit did not end in time");

  Fit fit{.parameters = Exponentials(logs.data(), logs.size())};
  fit.log_likelihood = log_likelihood(fit.parameters, nullptr);
  fit.iterations = static_cast<int>(summary.iterations.size());
  // A line search that finds nothing better has arrived, as far as the digits of the likelihood tell.
  if (!std::isfinite(fit.log_likelihood) || fit.log_likelihood < at_start) {
    return absl::FailedPreconditionError("the fit did not converge");
  }
  fit.log_covariance = Covariance(log_likelihood, logs);
  return fit;
}

}  // namespace perennial::value
