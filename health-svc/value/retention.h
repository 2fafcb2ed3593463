#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "health-svc/value/maximize.h"

namespace perennial::value {

// Renewals of a cohort: periods[t] tells of the t+1-th renewal, for customers who were there to make that choice.
struct Renewals {
  struct Period {
    double at_risk = 0;  // who could renew
    double lost = 0;     // of these, who did not
  };
  std::vector<Period> periods = {};

  // From the lengths of single relationships: `renewals` made so far, and whether the customer left at the next one.
  struct Customer {
    int renewals = 0;
    bool lost = false;
  };
  static Renewals Of(const std::vector<Customer>& customers);
};

enum class RetentionFamily {
  // Shifted beta-geometric: each customer leaves at each renewal with a chance of his own, which is beta distributed
  // over
  // customers. Fader & Hardie, "How to Project Customer Retention", Journal of Interactive Marketing 21 (2007).
  kShiftedBetaGeometric,
  // Beta-discrete-Weibull: the chance also changes with the age of the relationship (c > 1: it grows). Fader, Hardie,
  // Liu,
  // Davin & Steenburgh, "How to Project Customer Retention Revisited", Journal of Interactive Marketing 43 (2018).
  kBetaDiscreteWeibull,
};

// Survival over renewals, S(t) = B(alpha, beta + t^c) / B(alpha, beta); c is 1 for the shifted beta-geometric.
struct RetentionModel {
  RetentionFamily family = RetentionFamily::kShiftedBetaGeometric;
  double alpha = 1;
  double beta = 1;
  double c = 1;

  // Share of customers still there after t renewals, t >= 0.
  [[nodiscard]] double Survival(double t) const;
  // Chance of making the t-th renewal, t >= 1, for one who made those before.
  [[nodiscard]] double RetentionRate(int t) const { return Survival(t) / Survival(t - 1); }
};

struct RetentionFit {
  RetentionModel model;
  Fit fit;
  double aic = 0;  // Akaike's criterion, 2 k - 2 log-likelihood; the lower the better

  // Survival after t more renewals, for one who has made `renewals`, with an interval of 95 % (delta method on
  // log(-log S)); nothing when the errors are unknown.
  struct Interval {
    double low = 0;
    double high = 1;
  };
  [[nodiscard]] std::optional<Interval> SurvivalInterval(double t, double renewals = 0) const;
};

// Log-likelihood of the renewals under a model.
double LogLikelihoodOf(const RetentionModel& model, const Renewals& renewals);

// Fits by maximum likelihood. FAILED_PRECONDITION (reason TOO_LITTLE_HISTORY) when the data cannot tell the parameters:
// nobody left, everybody left at once, or fewer periods with losses or renewals than the model has parameters.
absl::StatusOr<RetentionFit> FitRetention(RetentionFamily family, const Renewals& renewals,
                                          const FitLimits& limits = {});

// Both families, the one with the lower AIC first; one alone when the other cannot be fitted.
absl::StatusOr<std::vector<RetentionFit>> FitBestRetention(const Renewals& renewals, const FitLimits& limits = {});

// Discounted expected residual lifetime, in payments, of a customer whose n-th renewal is not yet decided (n >= 1),
// with discount rate `d` a period, the next payment undiscounted: the sum over t >= n of S(t) / S(n - 1) / (1 + d)^(t -
// n). For the shifted beta-geometric by the closed form of Fader & Hardie, "Customer-Base Valuation in a Contractual
// Setting", Marketing Science 29 (2010), equation 8; else by the series. `d` > 0.
double Derl(const RetentionModel& model, int n, double d);
// The same for a customer not yet acquired: the sum over t >= 0 of S(t) / (1 + d)^t.
double DelOfNewCustomer(const RetentionModel& model, double d);
// The series that both are, for any model; the rest that is cut off is below 1e-10 of the sum.
double DerlBySeries(const RetentionModel& model, int n, double d);

}  // namespace perennial::value
