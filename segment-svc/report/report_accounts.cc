#include "segment-svc/report/report_accounts.h"

#include <array>
#include <limits>
#include <map>
#include <utility>

#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {
constexpr std::array kDefaultBands = {"red", "yellow", "green"};
}

ReportAccounts::ReportAccounts(const SegmentView& view, facts::Bitmap rows, std::string currency, std::size_t list_size)
    : view_(view),
      rows_(std::move(rows)),
      currency_(std::move(currency)),
      list_size_(list_size),
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

bool ReportAccounts::IsLive(facts::RowId row) const {
  const std::uint32_t phase = phase_.Code(row);
  if (phase == 0) return true;
  return phase != churned_ && !(phase == trial_ && is_trial_.Or(row, 1) == 0);
}

bool ReportAccounts::WeighsMore(facts::RowId a, facts::RowId b) const {
  constexpr double kUnknown = -std::numeric_limits<double>::infinity();
  const double mrr_a = mrr_.Or(a, kUnknown);
  const double mrr_b = mrr_.Or(b, kUnknown);
  if (mrr_a != mrr_b) return mrr_a > mrr_b;
  return view_.facts.table().account_id(a) < view_.facts.table().account_id(b);
}

std::vector<std::string> ReportAccounts::Bands() const {
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

v1::ReportAccount ReportAccounts::Show(facts::RowId row) const {
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
