#pragma once

#include <cstdint>
#include <vector>

#include "health-svc/value/purchases.h"

namespace perennial::value {

// Customers with the same history, and how many.
struct WeightedHistory {
  PurchaseHistory history;
  double count = 1;
};

// Log-likelihoods of all customers with their derivatives by each parameter, in the order of the models' fields;
// `derivatives` and `gradient` may be null. Fastest with histories in order of
// their repeats.
double BgNbdLikelihood(const std::vector<WeightedHistory>& histories, const std::vector<double>& parameters,
                       Derivatives* derivatives);

// The same for many parameters over the same histories: customers share few moments, so that logarithms, which cost most,
// are taken once a moment.
class BgNbdSample {
 public:
  explicit BgNbdSample(const std::vector<WeightedHistory>& histories);
  double LogLikelihood(const std::vector<double>& parameters, Derivatives* derivatives) const;

 private:
  struct Row {
    double repeats;
    double count;
    std::uint32_t last;  // into times_
    std::uint32_t age;
  };
  std::vector<Row> rows_;
  std::vector<double> times_;
};
double ParetoNbdLikelihood(const std::vector<WeightedHistory>& histories, const std::vector<double>& parameters,
                           std::vector<double>* gradient);
double GammaGammaLikelihood(const std::vector<Spend>& spends, const std::vector<double>& parameters,
                            std::vector<double>* gradient);

}  // namespace perennial::value
