#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "health-svc/rules/roc.h"
#include "perennial/health/v1/value.pb.h"

namespace perennial::health {

// A row that a model was tested on.
struct PredictedRow {
  double churn = 0;  // the model's probability
  bool churned = false;
};

// Area under the ROC curve of probabilities, with its DeLong interval of 95 %; nothing without two rows of each kind.
std::optional<v1::Estimate> AucOf(const std::vector<PredictedRow>& rows);

// All figures; `mean_rate` is the churn rate of what the model was fitted on. Needs two rows of each kind.
v1::ChurnEvaluation EvaluateChurn(std::vector<PredictedRow> rows, double mean_rate);

}  // namespace perennial::health
