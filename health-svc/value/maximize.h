#pragma once

#include <Eigen/Core>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace perennial::value {

// Log-likelihood of positive parameters. With `gradient` it also gives the derivative by each parameter. May return a
// value that is not finite where the parameters make no sense: the search steps back from there.
using LogLikelihood = std::function<double(const std::vector<double>& parameters, std::vector<double>* gradient)>;

// Derivatives by each parameter: the first, and the second.
struct Derivatives {
  std::vector<double> gradient;
  Eigen::MatrixXd hessian;
};
// The same with second derivatives; `derivatives` may be null.
using SmoothLogLikelihood = std::function<double(const std::vector<double>& parameters, Derivatives* derivatives)>;

struct FitLimits {
  int most_iterations = 500;
  // The search gives up with DEADLINE_EXCEEDED then.
  absl::Time deadline = absl::InfiniteFuture();
};

// Where a log-likelihood is greatest.
struct Fit {
  std::vector<double> parameters = {};
  // Covariance of the logarithms of the parameters: the inverse of the negative Hessian there (observed information).
  // Empty when the likelihood is flat in some direction, so that nothing can be said about the errors.
  Eigen::MatrixXd log_covariance = {};
  double log_likelihood = 0;
  int iterations = 0;

  // Standard errors of the parameters (delta method); empty when they are unknown.
  [[nodiscard]] std::vector<double> StandardErrors() const;
};

// Searches the maximum over positive parameters from `start` on, in their logarithms, by L-BFGS (Ceres). Each parameter
// stays between e^-14 and e^14: a likelihood that grows towards a limit ends there. FAILED_PRECONDITION when it is not
// finite at the start or the search fails; DEADLINE_EXCEEDED.
absl::StatusOr<Fit> Maximize(const LogLikelihood& log_likelihood, const std::vector<double>& start,
                             const FitLimits& limits = {});
// The same by Newton's method, damped where the likelihood is not concave: a few steps instead of dozens. Where it does not
// arrive, Maximize() goes on from the best that it found.
absl::StatusOr<Fit> MaximizeByNewton(const SmoothLogLikelihood& log_likelihood, const std::vector<double>& start,
                                     const FitLimits& limits = {});

}  // namespace perennial::value
