#include "segment-svc/portfolio_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "common/base/time_util.h"
#include "segment-svc/revenue_window.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

constexpr std::array kPhases = {"TRIAL", "ONBOARDING", "ADOPTION", "SUCCESS", "CHURNED"};
constexpr std::array kDefaultBands = {"red", "yellow", "green"};
constexpr std::array kWindows = {30, 90, 365};
constexpr double kNearDays = 90;

// The first `count` of `rows` by `before`, in order.
template <class Before>
void KeepFirst(std::vector<facts::RowId>& rows, std::size_t count, Before before) {
  count = std::min(count, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(), before);
  rows.resize(count);
}

}  // namespace

PortfolioReport::PortfolioReport(const SegmentView& view, facts::Bitmap rows, Options options)
    : view_(view),
      rows_(std::move(rows)),
      options_(std::move(options)),
      mrr_(view.facts, "mrr"),
      score_(view.facts, "health.score"),
      coverage_(view.facts, "health.coverage"),
      renewal_days_(view.facts, "renewal_days"),
      is_trial_(view.facts, "is_trial"),
      band_(view.facts, "health.band"),
      phase_(view.facts, "phase"),
      name_(view.facts, "name"),
      owner_(view.facts, "owner"),
      trial_(phase_.CodeOf("TRIAL")),
      churned_(phase_.CodeOf("CHURNED")) {}

void PortfolioReport::Count(facts::RowId row, Share& share) const {
  ++share.accounts;
  share.mrr.Add(mrr_[row]);
}

template <class Message>
void PortfolioReport::Fill(const Share& share, Message* message) const {
  message->set_accounts(share.accounts);
  *message->mutable_mrr() = Money(share.mrr);
}

bool PortfolioReport::IsLive(facts::RowId row) const {
  const std::uint32_t phase = phase_.Code(row);
  if (phase == 0) return true;
  return phase != churned_ && !(phase == trial_ && is_trial_.Or(row, 1) == 0);
}

bool PortfolioReport::WeighsMore(facts::RowId a, facts::RowId b) const {
  constexpr double kUnknown = -std::numeric_limits<double>::infinity();
  const double mrr_a = mrr_.Or(a, kUnknown);
  const double mrr_b = mrr_.Or(b, kUnknown);
  if (mrr_a != mrr_b) return mrr_a > mrr_b;
  return view_.facts.table().account_id(a) < view_.facts.table().account_id(b);
}

void PortfolioReport::AddTotals(v1::GetPortfolioReportResponse& report) const {
  absl::Time as_of = absl::UnixEpoch();
  Share all;
  Share paying;
  rows_.ForEach([&](facts::RowId row) {
    as_of = std::max(as_of, view_.facts.as_of(row));
    Count(row, all);
    if (mrr_.Or(row, 0) > 0) Count(row, paying);
  });
  if (all.accounts == 0) as_of = view_.now;
  SetTimestamp(as_of, report.mutable_as_of());
  report.set_facts_revision(view_.facts_revision);
  report.set_accounts(all.accounts);
  report.set_paying_accounts(paying.accounts);
  *report.mutable_mrr() = Money(all.mrr);
  *report.mutable_arr() = Money(all.mrr.Times(12));
  *report.mutable_average_mrr() = Money(paying.mrr.DividedBy(paying.accounts));
}

std::vector<std::string> PortfolioReport::Bands() const {
  // Of all accounts, so that the lowest band is the same in every report. A band starts where another ends: the
  // lowest score in each tells their order.
  constexpr double kNobody = std::numeric_limits<double>::infinity();
  std::vector<double> lowest_of(band_.code_count(), kNobody);
  view_.facts.table().live_rows().ForEach([&](facts::RowId row) {
    const std::uint32_t band = band_.Code(row);
    const auto score = score_[row];
    if (band != 0 && score.has_value()) lowest_of[band] = std::min(lowest_of[band], *score);
  });
  std::map<std::string, double> lowest;
  for (std::uint32_t band = 1; band < lowest_of.size(); ++band) {
    if (lowest_of[band] != kNobody && !band_.TextOf(band).empty()) lowest.emplace(band_.TextOf(band), lowest_of[band]);
  }
  const auto is_default = [](const auto& band) {
    return std::find(kDefaultBands.begin(), kDefaultBands.end(), band.first) != kDefaultBands.end();
  };
  // The default bands are known also where nobody is in them.
  if (std::all_of(lowest.begin(), lowest.end(), is_default)) return {kDefaultBands.begin(), kDefaultBands.end()};
  std::vector<std::pair<double, std::string>> ordered;
  for (const auto& [band, score] : lowest) ordered.emplace_back(score, band);
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::string> bands;
  for (auto& [score, band] : ordered) bands.push_back(std::move(band));
  return bands;
}

void PortfolioReport::AddHealth(v1::GetPortfolioReportResponse& report) const {
  std::vector<Share> share_of(band_.code_count());
  std::int64_t live = 0;
  std::int64_t known = 0;
  // In billionths: a sum of doubles would depend on the order of rows, which a restart changes.
  constexpr double kBillion = 1e9;
  std::int64_t sum = 0;
  rows_.ForEach([&](facts::RowId row) {
    if (!IsLive(row)) return;
    ++live;
    const auto score = score_[row];
    if (score.has_value()) {
      ++known;
      sum += std::llround(*score * kBillion);
    }
    Count(row, share_of[score.has_value() ? band_.Code(row) : 0]);
  });
  std::map<std::string, Share> shares;
  for (std::uint32_t band = 0; band < share_of.size(); ++band) {
    if (share_of[band].accounts > 0) shares[band_.TextOf(band)] = share_of[band];
  }
  if (known > 0) report.set_mean_score(static_cast<double>(sum) / kBillion / static_cast<double>(known));
  report.set_score_coverage(live == 0 ? 0 : static_cast<double>(known) / static_cast<double>(live));
  std::vector<std::string> bands = Bands();
  *report.mutable_mrr_at_risk() = Money(shares[bands.front()].mrr);
  bands.emplace_back();
  for (const std::string& band : bands) {
    v1::BandShare* share = report.add_bands();
    share->set_band(band);
    Fill(shares[band], share);
  }
}

void PortfolioReport::AddPhases(v1::GetPortfolioReportResponse& report) const {
  std::vector<Share> share_of(phase_.code_count());
  rows_.ForEach([&](facts::RowId row) { Count(row, share_of[phase_.Code(row)]); });
  std::map<std::string, Share> shares;
  for (std::uint32_t phase = 0; phase < share_of.size(); ++phase) {
    if (share_of[phase].accounts > 0) shares[phase_.TextOf(phase)] = share_of[phase];
  }
  const auto add = [&](const std::string& phase, const Share& share) {
    v1::PhaseShare* out = report.add_phases();
    out->set_phase(phase);
    Fill(share, out);
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
      if (raised->values[row] != 0) Count(row, share);  // unknown is 0 here
    });
    if (share.accounts > 0) flags.emplace_back(rule, share);
  }
  std::stable_sort(flags.begin(), flags.end(),
                   [](const auto& a, const auto& b) { return a.second.accounts > b.second.accounts; });
  for (const auto& [rule, share] : flags) {
    v1::FlagShare* out = report.add_flags();
    out->set_rule(rule);
    Fill(share, out);
  }
}

void PortfolioReport::AddSegments(v1::GetPortfolioReportResponse& report) const {
  for (const auto& [id, segment] : view_.segments) {
    Share share;
    for (const facts::RowId row : segment.members) {
      if (rows_.Test(row)) Count(row, share);
    }
    v1::SegmentShare* out = report.add_segments();
    out->set_segment(SegmentName(id));
    out->set_display_name(segment.record.display_name);
    Fill(share, out);
  }
}

void PortfolioReport::AddRevenue(v1::GetPortfolioReportResponse& report) const {
  for (const int days : kWindows) {
    const RevenueTotals totals = RevenueOver(view_.facts, rows_, days);
    v1::RevenueWindow* window = report.add_revenue();
    window->set_days(days);
    *window->mutable_start_mrr() = Money(totals.start);
    *window->mutable_new_mrr() = Money(totals.won);
    *window->mutable_expansion_mrr() = Money(totals.expansion);
    *window->mutable_contraction_mrr() = Money(totals.contraction);
    *window->mutable_churned_mrr() = Money(totals.churned);
    *window->mutable_reactivated_mrr() = Money(totals.reactivated);
    if (const auto nrr = totals.NetRetention()) window->set_nrr(*nrr);
    if (const auto grr = totals.GrossRetention()) window->set_grr(*grr);
    if (const auto rate = totals.LogoChurn()) window->set_logo_churn_rate(*rate);
    if (const auto rate = totals.ExpansionRate()) window->set_expansion_rate(*rate);
    window->set_start_accounts(totals.start_accounts);
    window->set_lost_accounts(totals.lost_accounts);
  }
}

void PortfolioReport::AddWorstAccounts(v1::GetPortfolioReportResponse& report) const {
  std::vector<facts::RowId> worst;
  rows_.ForEach([&](facts::RowId row) {
    if (IsLive(row) && score_[row].has_value()) worst.push_back(row);
  });
  KeepFirst(worst, options_.list_size, [&](facts::RowId a, facts::RowId b) {
    if (*score_[a] != *score_[b]) return *score_[a] < *score_[b];
    return WeighsMore(a, b);
  });
  for (const facts::RowId row : worst) *report.add_worst_accounts() = AccountOf(row);
}

void PortfolioReport::AddRenewals(v1::GetPortfolioReportResponse& report) const {
  std::vector<facts::RowId> near;
  Share share;
  rows_.ForEach([&](facts::RowId row) {
    const auto days = renewal_days_[row];
    if (!days.has_value() || *days < 0 || *days > kNearDays) return;
    near.push_back(row);
    Count(row, share);
  });
  report.set_renewals_90d(share.accounts);
  *report.mutable_renewals_90d_mrr() = Money(share.mrr);
  KeepFirst(near, options_.list_size, [&](facts::RowId a, facts::RowId b) {
    if (*renewal_days_[a] != *renewal_days_[b]) return *renewal_days_[a] < *renewal_days_[b];
    return WeighsMore(a, b);
  });
  for (const facts::RowId row : near) *report.add_next_renewals() = AccountOf(row);
}

v1::ReportAccount PortfolioReport::AccountOf(facts::RowId row) const {
  const facts::FactTable& table = view_.facts.table();
  v1::ReportAccount account;
  account.set_account(AccountName(table.account_id(row)));
  account.set_display_name(name_[row]);
  MoneyTotal mrr;
  mrr.Add(mrr_[row]);
  *account.mutable_mrr() = Money(mrr);
  if (const auto score = score_[row]) {
    account.set_score(*score);
    account.set_band(band_[row]);
  }
  account.set_coverage(coverage_.Or(row, 0));
  if (const auto days = renewal_days_[row]) account.set_renewal_days(*days);
  for (const auto& [rule, fact] : view_.facts.health().rules()) {
    if (table.Number(row, fact).value_or(0) != 0) account.add_open_flags(rule);
  }
  account.set_owner(owner_[row]);
  return account;
}

}  // namespace perennial::segments
