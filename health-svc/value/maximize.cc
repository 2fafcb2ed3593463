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

// Of the logarithms, from the negative Hessian over them.
Eigen::MatrixXd Covariance(const Eigen::MatrixXd& information) {
  if (!information.allFinite()) return {};
  const Eigen::LDLT<Eigen::MatrixXd> factors(information);
  const double least = 1e-9 * std::max(1e-300, information.diagonal().cwiseAbs().maxCoeff());
  if (factors.info() != Eigen::Success || factors.vectorD().minCoeff() <= least) return {};
  return factors.solve(Eigen::MatrixXd::Identity(information.rows(), information.cols()));
}

absl::Status NoLikelihood() {
  return absl::FailedPreconditionError("the likelihood of the data cannot be computed: values are too extreme");
}

absl::Status OutOfTime() { return absl::DeadlineExceededError("the fit did not end in time"); }

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
  if (!std::isfinite(at_start)) return NoLikelihood();
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
  if (absl::Now() >= limits.deadline) return OutOfTime();

  Fit fit{.parameters = Exponentials(logs.data(), logs.size())};
  fit.log_likelihood = log_likelihood(fit.parameters, nullptr);
  fit.iterations = static_cast<int>(summary.iterations.size());
  // A line search that finds nothing better has arrived, as far as the digits of the likelihood tell.
  if (!std::isfinite(fit.log_likelihood) || fit.log_likelihood < at_start) {
    return absl::FailedPreconditionError("the fit did not converge");
  }
  fit.log_covariance = Covariance(-Hessian(log_likelihood, logs));
  return fit;
}

namespace {

// A place of the search: what it costs there, which is the negative log-likelihood in units of `scale` with the wall of
// Objective, and the derivatives of that over the logarithms.
struct Place {
  Eigen::VectorXd logs;
  double log_likelihood = 0;
  double cost = 0;
  Eigen::VectorXd gradient = {};
  Eigen::MatrixXd hessian = {};
  Eigen::MatrixXd information = {};  // of the likelihood alone, not in units
};

// False when the likelihood is not finite there.
bool LookAt(const SmoothLogLikelihood& log_likelihood, double scale, Place& place) {
  const std::vector<double> parameters = Exponentials(place.logs.data(), static_cast<std::size_t>(place.logs.size()));
  Derivatives by_parameter;
  place.log_likelihood = log_likelihood(parameters, &by_parameter);
  if (!std::isfinite(place.log_likelihood)) return false;
  const Eigen::Map<const Eigen::VectorXd> at(parameters.data(), place.logs.size());
  const Eigen::VectorXd slopes = Eigen::Map<Eigen::VectorXd>(by_parameter.gradient.data(), at.size()).cwiseProduct(at);
  place.information = -(at.asDiagonal() * by_parameter.hessian * at.asDiagonal());
  place.information.diagonal() -= slopes;
  place.cost = -place.log_likelihood / scale;
  place.gradient = -slopes / scale;
  place.hessian = place.information / scale;
  for (Eigen::Index i = 0; i < at.size(); ++i) {
    const double beyond = std::max(0.0, std::abs(place.logs[i]) - kMostLog);
    if (beyond == 0) continue;
    place.cost += beyond * beyond;
    place.gradient[i] += std::copysign(2 * beyond, place.logs[i]);
    place.hessian(i, i) += 2;
  }
  return place.gradient.allFinite() && place.hessian.allFinite();
}

// Goes from `place` to where the cost is least; `iterations` counts the looks. False when it has not arrived after
// `most_iterations` or at the deadline: the place is the best that it found.
bool Descend(const SmoothLogLikelihood& log_likelihood, double scale, int most_iterations, absl::Time deadline,
             Place& place, int& iterations) {
  constexpr double kArrived = 1e-12;  // what a step can still win, in units of the cost
  constexpr double kLongest = 2;      // of a step in a logarithm: further off the curvature says nothing
  double damping = 0;
  while (++iterations <= most_iterations && absl::Now() < deadline) {
    const double more_damping = std::max(10 * damping, 1e-3 * place.hessian.diagonal().cwiseAbs().maxCoeff());
    Eigen::MatrixXd damped = place.hessian;
    damped.diagonal().array() += damping;
    const Eigen::LLT<Eigen::MatrixXd> factors(damped);
    if (factors.info() != Eigen::Success) {
      damping = more_damping;
      if (!std::isfinite(damping)) return false;
      continue;
    }
    Eigen::VectorXd step = -factors.solve(place.gradient);
    const double to_win = -place.gradient.dot(step) / 2;
    step *= std::min(1.0, kLongest / std::max(kLongest, step.cwiseAbs().maxCoeff()));
    Place next{.logs = place.logs + step};
    const bool better = LookAt(log_likelihood, scale, next) && next.cost <= place.cost;
    if (better) place = std::move(next);
    // That last step still counts: it takes the digits from half to all.
    if (to_win <= kArrived) return true;
    damping = better ? damping / 100 : more_damping;
    if (damping < 1e-12) damping = 0;
  }
  return false;
}

}  // namespace

absl::StatusOr<Fit> MaximizeByNewton(const SmoothLogLikelihood& log_likelihood, const std::vector<double>& start,
                                     const FitLimits& limits) {
  constexpr int kMostNewton = 100;
  Place place{.logs = Eigen::Map<const Eigen::VectorXd>(start.data(), static_cast<Eigen::Index>(start.size()))};
  place.logs = place.logs.array().log();
  const double scale = std::max(1.0, std::abs(log_likelihood(start, nullptr)));
  if (!std::isfinite(scale) || !LookAt(log_likelihood, scale, place)) return NoLikelihood();
  Fit fit;
  const bool arrived = Descend(log_likelihood, scale, std::min(kMostNewton, limits.most_iterations), limits.deadline,
                               place, fit.iterations);
  if (absl::Now() >= limits.deadline) return OutOfTime();
  const std::vector<double> found = Exponentials(place.logs.data(), start.size());
  if (!arrived) {
    const LogLikelihood without_hessian = [&](const std::vector<double>& parameters, std::vector<double>* gradient) {
      Derivatives derivatives;
      const double value = log_likelihood(parameters, gradient != nullptr ? &derivatives : nullptr);
      if (gradient != nullptr) *gradient = std::move(derivatives.gradient);
      return value;
    };
    return Maximize(without_hessian, found, limits);
  }
  fit.parameters = found;
  fit.log_likelihood = place.log_likelihood;
  fit.log_covariance = Covariance(place.information);
  return fit;
}

}  // namespace perennial::value
