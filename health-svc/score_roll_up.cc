// How the scores of a hierarchy of accounts become one.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "health-svc/health_scores.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

constexpr std::size_t kMostBelow = 10'000;

// An account and all below it. Each once, even if a parent should lie below its own child while the feed brings both.
absl::StatusOr<std::vector<facts::RowId>> RowsFrom(const Portfolio& portfolio, facts::RowId top) {
  std::vector<facts::RowId> rows = {top};
  absl::flat_hash_set<facts::RowId> seen = {top};
  for (std::size_t next = 0; next < rows.size(); ++next) {
    const auto* children = portfolio.hierarchy().ChildrenOf(portfolio.table().account_id(rows[next]));
    if (children == nullptr) continue;
    for (const facts::RowId child : *children) {
      if (portfolio.table().live(child) && seen.insert(child).second) rows.push_back(child);
    }
    if (rows.size() > kMostBelow + 1) {
      return WithReason(absl::OutOfRangeError(absl::StrCat("more than ", kMostBelow, " accounts lie below it")),
                        "HIERARCHY_TOO_LARGE");
    }
  }
  return rows;
}

struct Part {
  std::string account;
  std::optional<double> score;
  double mrr = 0;
  double weight = 0;
};

std::vector<Part> PartsOf(const Portfolio& portfolio, const std::vector<facts::RowId>& rows) {
  const auto mrr = portfolio.catalogue().Find("mrr");
  std::vector<Part> parts;
  for (const facts::RowId row : rows) {
    const Portfolio::Entry& entry = portfolio.entry(row);
    if (entry.revision == 0 || entry.frozen) continue;
    parts.push_back({.account = portfolio.table().account_id(row),
                     .score = portfolio.table().Number(row, portfolio.health_facts().score()),
                     .mrr = mrr.has_value() ? std::max(0.0, portfolio.table().Number(row, *mrr).value_or(0)) : 0});
  }
  return parts;
}

// Gives weights to those whose score is known; they add up to 1.
void Weigh(std::vector<Part>& parts) {
  double mrr = 0;
  double known = 0;
  for (const Part& part : parts) {
    if (!part.score.has_value()) continue;
    mrr += part.mrr;
    known += 1;
  }
  for (Part& part : parts) {
    if (part.score.has_value()) part.weight = mrr > 0 ? part.mrr / mrr : 1 / known;
  }
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.account < b.account;
  });
}

double CoverageOf(const std::vector<Part>& parts) {
  double all = 0;
  double known = 0;
  const bool any_pays = std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.mrr > 0; });
  for (const Part& part : parts) {
    const double share = any_pays ? part.mrr : 1;
    all += share;
    if (part.score.has_value()) known += share;
  }
  return all > 0 ? std::min(1.0, known / all) : 0;
}

}  // namespace

absl::Status HealthScores::Check(const v1::GetHealthScoreRollUpRequest& request) {
  BadRequest bad;
  bad.AddIfError("account", AccountOfParent(request.account()).status());
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  return bad.ToStatus();
}

absl::StatusOr<v1::GetHealthScoreRollUpResponse> HealthScores::RollUp(
    const v1::GetHealthScoreRollUpRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  const absl::string_view account = *AccountOfParent(request.account());
  const ReadLock read(portfolio_.lock());
  // Who lies below whom is known only when all facts have come.
  if (!portfolio_.caught_up()) return NotCaughtUp();
  const auto top = portfolio_.Find(account);
  if (!top.has_value()) return NoSuchAccounts({std::string(account)});
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<facts::RowId> rows, RowsFrom(portfolio_, *top));
  std::vector<Part> parts = PartsOf(portfolio_, rows);
  Weigh(parts);
  v1::GetHealthScoreRollUpResponse response;
  double score = 0;
  bool known = false;
  for (const Part& part : parts) {
    v1::RollUpPart* out = response.add_parts();
    out->set_account(absl::StrCat("accounts/", part.account));
    out->set_mrr(part.mrr);
    if (!part.score.has_value()) continue;
    out->set_score(*part.score);
    out->set_weight(part.weight);
    out->set_contribution(part.weight * *part.score);
    score += out->contribution();
    known = true;
  }
  response.set_coverage(CoverageOf(parts));
  response.set_facts_revision(portfolio_.facts_revision());
  if (!known) return response;
  response.set_score(std::clamp(score, 0.0, 100.0));
  const CompiledScorecard* scorecard = portfolio_.ScorecardOf(*top);
  if (scorecard == nullptr) scorecard = portfolio_.scorecards().all().back().get();
  response.set_band(scorecard->BandOf(response.score()));
  return response;
}

}  // namespace perennial::health
