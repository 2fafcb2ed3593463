// How the scores of a hierarchy of accounts become one.
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "health-svc/health_scores.h"
#include "health-svc/request_names.h"
#include "health-svc/roll_up.h"

namespace perennial::health {
namespace {

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
    if (rows.size() > kMostBelow + 1) return HierarchyTooLarge();
  }
  return rows;
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
  std::vector<v1::HierarchyPart> parts;
  for (const facts::RowId row : rows) parts.push_back(HierarchyPartOf(portfolio_, row));
  v1::GetHealthScoreRollUpResponse response = RollUpOf(parts);
  SetBand(portfolio_, parts.front().scorecard_id(), response);
  response.set_facts_revision(portfolio_.facts_revision());
  return response;
}

}  // namespace perennial::health
