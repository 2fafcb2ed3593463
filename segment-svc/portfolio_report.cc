#include "segment-svc/portfolio_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "common/base/time_util.h"
#include "segment-svc/revenue_window.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

constexpr std::array kPhases = {"TRIAL", "ONBOARDING", "ADOPTION", "SUCCESS", "CHURNED"};
constexpr double kNearDays = 90;

}  // namespace

PortfolioReport::PortfolioReport(const SegmentView& view, facts::Bitmap rows, Options options)
    : accounts_(view, std::move(rows), std::move(options.currency), options.list_size),
      view_(view),
      rows_(accounts_.rows()),
      mrr_(view_.facts, "mrr"),
      score_(view_.facts, "health.score"),
      renewal_days_(view_.facts, "renewal_days"),
      band_(view_.facts, "health.band"),
      phase_(view_.facts, "phase") {}

void PortfolioReport::AddTotals(v1::GetPortfolioReportResponse& report) const {
  absl::Time as_of = absl::UnixEpoch();
  Share all;
  Share paying;
  rows_.ForEach([&](facts::RowId row) {
    as_of = std::max(as_of, view_.facts.as_of(row));
    accounts_.Count(row, all);
    if (mrr_.Or(row, 0) > 0) accounts_.Count(row, paying);
  });
  if (all.accounts == 0) as_of = view_.now;
  SetTimestamp(as_of, report.mutable_as_of());
  report.set_facts_revision(view_.facts_revision);
  report.set_accounts(all.accounts);
  report.set_paying_accounts(paying.accounts);
  *report.mutable_mrr() = accounts_.Money(all.mrr);
  *report.mutable_arr() = accounts_.Money(all.mrr.Times(12));
  *report.mutable_average_mrr() = accounts_.Money(paying.mrr.DividedBy(paying.accounts));
}

void PortfolioReport::AddHealth(v1::GetPortfolioReportResponse& report) const {
  std::vector<Share> share_of(band_.code_count());
  std::int64_t live = 0;
  std::int64_t known = 0;
  // In billionths: a sum of doubles would depend on the order of rows, which a restart changes.
  constexpr double kBillion = 1e9;
  std::int64_t sum = 0;
  rows_.ForEach([&](facts::RowId row) {
    if (!accounts_.IsLive(row)) return;
    ++live;
    const auto score = score_[row];
    if (score.has_value()) {
      ++known;
      sum += std::llround(*score * kBillion);
    }
    accounts_.Count(row, share_of[score.has_value() ? band_.Code(row) : 0]);
  });
  std::map<std::string, Share> shares;
  for (std::uint32_t band = 0; band < share_of.size(); ++band) {
    if (share_of[band].accounts > 0) shares[band_.TextOf(band)] = share_of[band];
  }
  if (known > 0) report.set_mean_score(static_cast<double>(sum) / kBillion / static_cast<double>(known));
  report.set_score_coverage(live == 0 ? 0 : static_cast<double>(known) / static_cast<double>(live));
  std::vector<std::string> bands = accounts_.Bands();
  *report.mutable_mrr_at_risk() = accounts_.Money(shares[bands.front()].mrr);
  bands.emplace_back();
  for (const std::string& band : bands) {
    v1::BandShare* share = report.add_bands();
    share->set_band(band);
    accounts_.Fill(shares[band], share);
  }
}

void PortfolioReport::AddPhases(v1::GetPortfolioReportResponse& report) const {
  std::vector<Share> share_of(phase_.code_count());
  rows_.ForEach([&](facts::RowId row) { accounts_.Count(row, share_of[phase_.Code(row)]); });
  std::map<std::string, Share> shares;
  for (std::uint32_t phase = 0; phase < share_of.size(); ++phase) {
    if (share_of[phase].accounts > 0) shares[phase_.TextOf(phase)] = share_of[phase];
  }
  const auto add = [&](const std::string& phase, const Share& share) {
    v1::PhaseShare* out = report.add_phases();
    out->set_phase(phase);
    accounts_.Fill(share, out);
  };
  for (const char* phase : kPhases) {
    const auto found = shares.find(phase);
    if (found == shares.end()) continue;
    add(phase, found->second);
    shares.erase(found);
  }
  // Unknown is last.
  for (const auto& [phase, share] : shares) {
    if (!phase.empty()) add(phase, share);
  }
  const auto unknown = shares.find("");
  if (unknown != shares.end()) add("", unknown->second);
}

void PortfolioReport::AddFlags(v1::GetPortfolioReportResponse& report) const {
  std::vector<std::pair<std::string, Share>> flags;
  for (const auto& [rule, fact] : view_.facts.health().rules()) {
    const facts::NumberColumn* raised = view_.facts.table().numbers(fact);
    if (raised == nullptr) continue;
    Share share;
    rows_.ForEach([&](facts::RowId row) {
      if (raised->values[row] != 0) accounts_.Count(row, share);  // unknown is 0 here
    });
    if (share.accounts > 0) flags.emplace_back(rule, share);
  }
  std::stable_sort(flags.begin(), flags.end(),
                   [](const auto& a, const auto& b) { return a.second.accounts > b.second.accounts; });
  for (const auto& [rule, share] : flags) {
    v1::FlagShare* out = report.add_flags();
    out->set_rule(rule);
    accounts_.Fill(share, out);
  }
}

void PortfolioReport::AddSegments(v1::GetPortfolioReportResponse& report) const {
  for (const auto& [id, segment] : view_.segments) {
    Share share;
    for (const facts::RowId row : segment.members) {
      if (rows_.Test(row)) accounts_.Count(row, share);
    }
    v1::SegmentShare* out = report.add_segments();
    out->set_segment(SegmentName(id));
    out->set_display_name(segment.record.display_name);
    accounts_.Fill(share, out);
  }
}

void PortfolioReport::AddRevenue(int days, v1::GetPortfolioReportResponse& report) const {
  const RevenueTotals totals = RevenueOver(view_.facts, rows_, days);
  v1::RevenueWindow* window = report.add_revenue();
  window->set_days(days);
  *window->mutable_start_mrr() = accounts_.Money(totals.start);
  *window->mutable_new_mrr() = accounts_.Money(totals.won);
  *window->mutable_expansion_mrr() = accounts_.Money(totals.expansion);
  *window->mutable_contraction_mrr() = accounts_.Money(totals.contraction);
  *window->mutable_churned_mrr() = accounts_.Money(totals.churned);
  *window->mutable_reactivated_mrr() = accounts_.Money(totals.reactivated);
  if (const auto nrr = totals.NetRetention()) window->set_nrr(*nrr);
  if (const auto grr = totals.GrossRetention()) window->set_grr(*grr);
  if (const auto rate = totals.LogoChurn()) window->set_logo_churn_rate(*rate);
  if (const auto rate = totals.ExpansionRate()) window->set_expansion_rate(*rate);
  window->set_start_accounts(totals.start_accounts);
  window->set_lost_accounts(totals.lost_accounts);
}

void PortfolioReport::AddWorstAccounts(v1::GetPortfolioReportResponse& report) const {
  std::vector<facts::RowId> worst;
  rows_.ForEach([&](facts::RowId row) {
    if (accounts_.IsLive(row) && score_[row].has_value()) worst.push_back(row);
  });
  accounts_.KeepFirst(worst, [&](facts::RowId a, facts::RowId b) {
    if (*score_[a] != *score_[b]) return *score_[a] < *score_[b];
    return accounts_.WeighsMore(a, b);
  });
  for (const facts::RowId row : worst) *report.add_worst_accounts() = accounts_.Show(row);
}

void PortfolioReport::AddRenewals(v1::GetPortfolioReportResponse& report) const {
  std::vector<facts::RowId> near;
  Share share;
  rows_.ForEach([&](facts::RowId row) {
    const auto days = renewal_days_[row];
    if (!days.has_value() || *days < 0 || *days > kNearDays) return;
    near.push_back(row);
    accounts_.Count(row, share);
  });
  report.set_renewals_90d(share.accounts);
  *report.mutable_renewals_90d_mrr() = accounts_.Money(share.mrr);
  accounts_.KeepFirst(near, [&](facts::RowId a, facts::RowId b) {
    if (*renewal_days_[a] != *renewal_days_[b]) return *renewal_days_[a] < *renewal_days_[b];
    return accounts_.WeighsMore(a, b);
  });
  for (const facts::RowId row : near) *report.add_next_renewals() = accounts_.Show(row);
}

}  // namespace perennial::segments
