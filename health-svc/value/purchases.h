#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "health-svc/value/maximize.h"

namespace perennial::value {

// What the purchase models need to know of a customer without contract. Times are in any unit, the same for all.
struct PurchaseHistory {
  double repeats = 0;  // x: days with a purchase after the first one
  double last = 0;     // t_x: from the first purchase to the last one; 0 without repeats
  double age = 0;      // T: from the first purchase to the end of observation; >= last
};

// Buys at a rate of his own while alive, and may drop out after each purchase; rates are gamma(r, alpha), chances of
// dropping out beta(a, b) over customers. Fader, Hardie & Lee, "'Counting Your Customers' the Easy Way: An Alternative
// to the Pareto/NBD Model", Marketing Science 24 (2005).
struct BgNbd {
  double r = 1;
  double alpha = 1;
  double a = 1;
  double b = 1;

  [[nodiscard]] double LogLikelihood(const PurchaseHistory& history) const;
  // Chance that the customer has not dropped out by the end of observation.
  [[nodiscard]] double ProbabilityAlive(const PurchaseHistory& history) const;
  // Expected purchases of a new customer in (0, t].
  [[nodiscard]] double ExpectedPurchases(double t) const;
  // Expected purchases in the `t` after the end of observation.
  [[nodiscard]] double ExpectedPurchases(const PurchaseHistory& history, double t) const;
};

// The same with dropping out at any time, at rates that are gamma(s, beta). Schmittlein, Morrison & Colombo, "Counting
// Your Customers: Who Are They and What Will They Do Next?", Management Science 33 (1987); in the form of Fader &
// Hardie, "A Note on Deriving the Pareto/NBD Model and Related Expressions" (2005).
struct ParetoNbd {
  double r = 1;
  double alpha = 1;
  double s = 1;
  double beta = 1;

  [[nodiscard]] double LogLikelihood(const PurchaseHistory& history) const;
  [[nodiscard]] double ProbabilityAlive(const PurchaseHistory& history) const;
  [[nodiscard]] double ExpectedPurchases(double t) const;
  [[nodiscard]] double ExpectedPurchases(const PurchaseHistory& history, double t) const;
};

// Spend of a customer: how many purchases, and their mean value.
struct Spend {
  double purchases = 0;
  double mean = 0;
};

// Values of purchases vary around a mean of the customer's own, which varies over customers, independent of how often
// they buy. Fader, Hardie & Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal of Marketing
// Research 42 (2005); Fader & Hardie, "The Gamma-Gamma Model of Monetary Value" (2013).
struct GammaGamma {
  double p = 1;
  double q = 1;
  double gamma = 1;

  [[nodiscard]] double LogLikelihood(const Spend& spend) const;
  // Expected mean value of a customer's purchases. Infinite when p * purchases + q <= 1.
  [[nodiscard]] double ExpectedMean(const Spend& spend) const;
};

template <class Model>
struct PurchaseFit {
  Model model;
  Fit fit;
};

// Fits by maximum likelihood. FAILED_PRECONDITION (reason TOO_LITTLE_HISTORY): fewer than 10 customers, nobody bought
// again; for the spend: fewer than 10 repeat buyers, or all means equal. INVALID_ARGUMENT: a history that contradicts
// itself.
absl::StatusOr<PurchaseFit<BgNbd>> FitBgNbd(const std::vector<PurchaseHistory>& histories,
                                            const FitLimits& limits = {});
absl::StatusOr<PurchaseFit<ParetoNbd>> FitParetoNbd(const std::vector<PurchaseHistory>& histories,
                                                    const FitLimits& limits = {});
// Customers without purchases are left out.
absl::StatusOr<PurchaseFit<GammaGamma>> FitGammaGamma(const std::vector<Spend>& spends, const FitLimits& limits = {});

// Discounted expected value of purchases in (0, horizon] after the end of observation: the sum over `steps` equal parts
// of the purchases expected in each, times `mean_value`, discounted from the part's middle. `rate` is the discount rate
// a unit of time, continuously compounded as ln(1 + rate).
template <class Model>
double DiscountedPurchases(const Model& model, const PurchaseHistory& history, double horizon, double rate, int steps);

}  // namespace perennial::value
