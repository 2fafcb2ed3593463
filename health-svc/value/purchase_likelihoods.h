#pragma once

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
double ParetoNbdLikelihood(const std::vector<WeightedHistory>& histories, const std::vector<double>& parameters,
                           std::vector<double>* gradient);
double GammaGammaLikelihood(const std::vector<Spend>& spends, const std::vector<double>& parameters,
                            std::vector<double>* gradient);

}  // namespace perennial::value
