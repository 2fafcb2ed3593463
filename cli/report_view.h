#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/text.h"
#include "perennial/health/v1/flag.pb.h"
#include "perennial/health/v1/health_score.pb.h"
#include "perennial/segments/v1/portfolio_service.pb.h"

namespace perennial::cli {

// Everything that `perennial report` shows.
struct ReportData {
  perennial::segments::v1::GetPortfolioReportResponse report;
  // By account name; those of the worst accounts. One that is absent shows no reasons.
  std::map<std::string, perennial::health::v1::HealthScoreExplanation> explanations;
  // By id. A rule that is absent shows as its id.
  std::map<std::string, perennial::health::v1::FlagRule> rules;
  // Also say how each figure, table and list is computed.
  bool definitions = false;
  // What could not be read besides, one sentence each.
  std::vector<std::string> notes;
};

// The report for a terminal of `width` columns (kMinWidth to kMaxWidth).
Page RenderReport(const ReportData& data, int width);

// Why an account scores so low: exceptions that lowered its score, then its measures by what they lose, at most
// `limit`. Each "<points lost>  <reason>".
std::vector<Text> WorstReasons(const perennial::health::v1::HealthScoreExplanation& explanation, int limit);

}  // namespace perennial::cli
