#include "health-svc/roll_up.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

struct WeighedPart {
  const v1::HierarchyPart* part = nullptr;
  double weight = 0;
};

// Gives weights to those whose score is known; they add up to 1. Largest first, then by name.
std::vector<WeighedPart> Weigh(const std::vector<v1::HierarchyPart>& parts) {
  std::vector<WeighedPart> out;
  double mrr = 0;
  double known = 0;
  for (const v1::HierarchyPart& part : parts) {
    if (!part.counts()) continue;
    out.push_back({.part = &part});
    if (!part.has_score()) continue;
    mrr += part.mrr();
    known += 1;
  }
  for (WeighedPart& weighed : out) {
    if (weighed.part->has_score()) weighed.weight = mrr > 0 ? weighed.part->mrr() / mrr : 1 / known;
  }
  std::sort(out.begin(), out.end(), [](const WeighedPart& a, const WeighedPart& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.part->account_id() < b.part->account_id();
  });
  return out;
}

double CoverageOf(const std::vector<WeighedPart>& parts) {
  double all = 0;
  double known = 0;
  const bool any_pays = std::any_of(parts.begin(), parts.end(), [](const auto& one) { return one.part->mrr() > 0; });
  for (const WeighedPart& weighed : parts) {
    const double share = any_pays ? weighed.part->mrr() : 1;
    all += share;
    if (weighed.part->has_score()) known += share;
  }
  return all > 0 ? std::min(1.0, known / all) : 0;
}

}  // namespace

absl::Status HierarchyTooLarge() {
  return WithReason(absl::OutOfRangeError(absl::StrCat("more than ", kMostBelow, " accounts lie below it")),
                    "HIERARCHY_TOO_LARGE");
}

v1::HierarchyPart HierarchyPartOf(const Portfolio& portfolio, facts::RowId row) {
  const Portfolio::Entry& entry = portfolio.entry(row);
  v1::HierarchyPart out;
  out.set_account_id(portfolio.table().account_id(row));
  out.set_counts(entry.revision > 0 && !entry.frozen);
  const auto score = portfolio.table().Number(row, portfolio.health_facts().score());
  if (score.has_value()) out.set_score(*score);
  const auto mrr = portfolio.catalogue().Find("mrr");
  if (mrr.has_value()) out.set_mrr(std::max(0.0, portfolio.table().Number(row, *mrr).value_or(0)));
  const CompiledScorecard* scorecard = portfolio.ScorecardOf(row);
  if (scorecard != nullptr) out.set_scorecard_id(scorecard->config().id());
  return out;
}

absl::Status CheckHierarchyParts(const v1::ListHierarchyPartsRequest& request) {
  constexpr int kMost = static_cast<int>(kMostBelow) + 1;
  BadRequest bad;
  if (request.account_ids_size() > kMost) bad.Add("account_ids", absl::StrCat("must be at most ", kMost));
  if (request.parent_ids_size() > kMost) bad.Add("parent_ids", absl::StrCat("must be at most ", kMost));
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  return bad.ToStatus();
}

absl::StatusOr<v1::ListHierarchyPartsResponse> ListHierarchyParts(const Portfolio& portfolio,
                                                                  const v1::ListHierarchyPartsRequest& request) {
  // Who lies below whom is known only when all facts have come.
  if (!portfolio.caught_up()) return NotCaughtUp();
  v1::ListHierarchyPartsResponse response;
  absl::flat_hash_set<facts::RowId> seen;
  for (const std::string& id : request.account_ids()) {
    const auto row = portfolio.Find(id);
    if (row.has_value() && seen.insert(*row).second) *response.add_parts() = HierarchyPartOf(portfolio, *row);
  }
  for (const std::string& parent : request.parent_ids()) {
    const auto* children = portfolio.hierarchy().ChildrenOf(parent);
    if (children == nullptr) continue;
    for (const facts::RowId child : *children) {
      if (!portfolio.table().live(child) || !seen.insert(child).second) continue;
      if (seen.size() > kMostBelow + 1) return HierarchyTooLarge();
      *response.add_parts() = HierarchyPartOf(portfolio, child);
    }
  }
  response.set_facts_revision(portfolio.facts_revision());
  return response;
}

v1::GetHealthScoreRollUpResponse RollUpOf(const std::vector<v1::HierarchyPart>& parts) {
  v1::GetHealthScoreRollUpResponse response;
  const std::vector<WeighedPart> weighed = Weigh(parts);
  double score = 0;
  bool known = false;
  for (const auto& [part, weight] : weighed) {
    v1::RollUpPart* out = response.add_parts();
    out->set_account(absl::StrCat("accounts/", part->account_id()));
    out->set_mrr(part->mrr());
    if (!part->has_score()) continue;
    out->set_score(part->score());
    out->set_weight(weight);
    out->set_contribution(weight * part->score());
    score += out->contribution();
    known = true;
  }
  response.set_coverage(CoverageOf(weighed));
  if (known) response.set_score(std::clamp(score, 0.0, 100.0));
  return response;
}

void SetBand(const Portfolio& portfolio, absl::string_view scorecard_id, v1::GetHealthScoreRollUpResponse& response) {
  if (!response.has_score()) return;
  const auto& all = portfolio.scorecards().all();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& card) { return card->config().id() == scorecard_id; });
  response.set_band((found == all.end() ? all.back() : *found)->BandOf(response.score()));
}

}  // namespace perennial::health
