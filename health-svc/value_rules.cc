#include "health-svc/value_rules.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/money.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

// Rows from which on a filter is evaluated by columns.
constexpr std::size_t kManyRows = 256;
// Below it a churn model guesses more than it knows.
constexpr double kLeastCoverage = 0.5;
// Money has at most twelve digits.
constexpr double kMostMoney = 999'999'999'999;

// Parts of Worth::why. Two bits each for the churn and the segment's retention model.
constexpr std::uint8_t kNoChurnModel = 1;
constexpr std::uint8_t kNotOfChurnModel = 2;
constexpr std::uint8_t kTooLittleKnown = 3;
constexpr std::uint8_t kNoSegmentModel = 1 << 2;
constexpr std::uint8_t kNotOfSegmentModel = 2 << 2;
constexpr std::uint8_t kNoPortfolioModel = 1 << 4;
constexpr int kOtherShift = 5;
enum Other : std::uint8_t { kNone, kHasChurned, kNoPurchaseModel, kNoPurchases, kNoSpend, kPaysNothing };
constexpr std::uint8_t Because(Other other) { return static_cast<std::uint8_t>(other << kOtherShift); }

constexpr const char* kOfChurn[] = {"", "no churn model is in use", "no churn model is for this account",
                                    "less than half of what the churn model looks at is known"};
constexpr const char* kOfSegment[] = {"", "no retention model of a part of the portfolio is in use",
                                      "no retention model of a part of the portfolio is for this account"};
constexpr const char* kOfOther[] = {"",
                                    "the account has churned",
                                    "the account has no subscription, and no purchase model is for it",
                                    "the account has no subscription, and no purchases of it are known",
                                    "the purchase model has no values of purchases",
                                    "the account pays nothing"};

double Money(double value) { return std::isnan(value) ? value : std::clamp(value, -kMostMoney, kMostMoney); }

std::vector<std::unique_ptr<ModelInUse>> InOrder(const std::vector<v1::ValueModel>& models, double discount_rate) {
  std::vector<std::unique_ptr<ModelInUse>> out;
  for (const v1::ValueModel& model : models) out.push_back(std::make_unique<ModelInUse>(model, discount_rate));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    const bool whole_a = a->filter.text().empty();
    const bool whole_b = b->filter.text().empty();
    return whole_a != whole_b ? whole_b : a->name < b->name;
  });
  return out;
}

}  // namespace

ModelInUse::ModelInUse(const v1::ValueModel& model, double discount_rate)
    : name(model.name()), revision(model.revision()), kind(model.kind()), filter(model.filter(), model.name()) {
  if (model.has_retention()) {
    retention.emplace(RetentionOf(model.retention()).model, std::max(1, model.period_months()), discount_rate);
  } else if (model.has_churn()) {
    churn.emplace(model.churn());
  } else if (model.has_purchase()) {
    purchase.emplace(model.purchase());
  }
}

std::uint64_t Worth::Fingerprint() const {
  std::uint64_t hash = 0x9e3779b97f4a7c15ULL;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
    hash ^= hash >> 32;
  };
  for (const double number :
       {churn_12m, lifetime_months, clv, monthly_margin, margin_rate, coverage, alive, purchases}) {
    mix(std::bit_cast<std::uint64_t>(number));
  }
  mix(static_cast<std::uint64_t>(basis) << 8 | why);
  mix(model == nullptr ? 0 : static_cast<std::uint64_t>(model->revision));
  for (const char c : model == nullptr ? std::string() : model->name) mix(static_cast<unsigned char>(c));
  return hash == 0 ? 1 : hash;
}

std::string FallbackReason(std::uint8_t why) {
  std::vector<std::string> parts = {
      kOfChurn[why & 3], kOfSegment[(why >> 2) & 3],
      (why & kNoPortfolioModel) != 0 ? "no retention model of the whole portfolio is in use" : "",
      kOfOther[why >> kOtherShift]};
  std::erase(parts, "");
  return absl::StrJoin(parts, "; ");
}

ValueRules::ValueRules(const std::vector<v1::ValueModel>& models, v1::ValueSettings settings)
    : settings_(std::move(settings)), models_(InOrder(models, settings_.discount_rate())) {
  for (int i = 0; i < settings_.margin_rules_size(); ++i) {
    const v1::MarginRule& rule = settings_.margin_rules(i);
    margins_.push_back(
        {.filter = LiveFilter(rule.filter(), absl::StrCat("margin rule ", i)), .rate = rule.margin_rate()});
  }
}

bool ValueRules::Resolve(const facts::FactCatalogue& catalogue) {
  if (resolved_at_ == catalogue.size()) return false;
  resolved_at_ = catalogue.size();
  bool changed = false;
  const auto look = [&](absl::string_view name, std::optional<facts::FactId>& fact) {
    if (fact.has_value()) return;
    fact = catalogue.Find(name);
    changed = changed || fact.has_value();
  };
  look("mrr", mrr_);
  look("tenure_days", tenure_);
  look("phase", phase_);
  if (mrr_.has_value() && !currency_told_) {
    const std::string unit = catalogue.Get(*mrr_).unit.substr(0, 3);
    if (IsCurrencyCode(unit)) currency_ = unit;
    currency_told_ = true;
  }
  for (Margin& margin : margins_) changed = margin.filter.Resolve(catalogue) || changed;
  for (const auto& model : models_) {
    changed = model->filter.Resolve(catalogue) || changed;
    if (model->churn.has_value()) changed = model->churn->Resolve(catalogue) || changed;
  }
  return changed;
}

std::vector<std::string> ValueRules::Metrics() const {
  std::set<std::string> metrics;
  for (const auto& model : models_) {
    if (model->purchase.has_value() && !model->purchase->metric().empty()) metrics.insert(model->purchase->metric());
  }
  return {metrics.begin(), metrics.end()};
}

std::vector<char> ValueRules::Selected(const LiveFilter& filter, const Rows& rows) {
  std::vector<char> out(rows.rows.size(), filter.text().empty() ? 1 : 0);
  if (filter.text().empty() || filter.compiled() == nullptr || rows.rows.empty()) return out;
  if (rows.rows.size() >= kManyRows && !filter.compiled()->reads_clock()) {
    const facts::RowId first = rows.rows.front() / 64 * 64;
    const facts::Bitmap selected =
        filter.compiled()->EvaluateRows(rows.table, {.now = absl::UnixEpoch()}, first, rows.rows.back() + 1);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = selected.Test(rows.rows[i] - first) ? 1 : 0;
    return out;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const facts::TableRow row(rows.table, rows.rows[i]);
    out[i] = filter.Selects(row, {.now = rows.as_of(rows.rows[i])}) ? 1 : 0;
  }
  return out;
}

// What is worked with, by place of a row.
struct ValueRules::Work {
  std::vector<State> states;
  std::vector<double> mrr;
  std::vector<char> open;  // pays, and no model has told its worth yet
  std::vector<facts::RowId> rows = {};
  std::vector<std::size_t> places = {};
  std::vector<double> log_odds = {};
  std::vector<double> coverage = {};
};

void ValueRules::SetMargins(const Rows& rows, std::vector<Worth>& out) const {
  for (Worth& worth : out) worth.margin_rate = settings_.margin_rate();
  // From the last to the first, which holds.
  for (auto margin = margins_.rbegin(); margin != margins_.rend(); ++margin) {
    const std::vector<char> selected = Selected(margin->filter, rows);
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (selected[i] != 0) out[i].margin_rate = margin->rate;
    }
  }
}

void ValueRules::SetChurn(const Rows& rows, Work& work, std::vector<Worth>& out) const {
  bool any = false;
  std::vector<char> told(rows.rows.size(), 0);
  for (const auto& model : models_) {
    if (!model->churn.has_value()) continue;
    any = true;
    const std::vector<char> selected = Selected(model->filter, rows);
    work.rows.clear();
    work.places.clear();
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
      if (work.open[i] == 0 || selected[i] == 0) continue;
      work.rows.push_back(rows.rows[i]);
      work.places.push_back(i);
    }
    if (work.rows.empty()) continue;
    model->churn->LogOdds(rows.table, work.rows, work.log_odds, work.coverage);
    for (std::size_t j = 0; j < work.places.size(); ++j) {
      const std::size_t i = work.places[j];
      told[i] = 1;
      if (work.coverage[j] < kLeastCoverage) continue;
      const double churn = model->churn->Churn12m(work.log_odds[j]);
      const RetentionTable::Worth worth = WorthAtConstantRate(churn, settings_.discount_rate());
      out[i].churn_12m = churn;
      out[i].lifetime_months = worth.lifetime_months;
      out[i].clv = Money(out[i].monthly_margin * worth.discounted_months);
      out[i].coverage = std::min(1.0, work.coverage[j]);
      out[i].basis = v1::VALUE_BASIS_CHURN_MODEL;
      out[i].model = model.get();
      work.open[i] = 0;
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (work.open[i] != 0) out[i].why |= !any ? kNoChurnModel : told[i] != 0 ? kTooLittleKnown : kNotOfChurnModel;
  }
}

void ValueRules::SetRetention(const Rows& rows, Work& work, std::vector<Worth>& out) const {
  bool any_segment = false;
  const facts::NumberColumn* tenure = tenure_.has_value() ? rows.table.numbers(*tenure_) : nullptr;
  const auto set = [&](const ModelInUse& model, v1::ValueBasis basis) {
    const std::vector<char> selected = Selected(model.filter, rows);
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
      if (work.open[i] == 0 || selected[i] == 0) continue;
      const bool known = tenure != nullptr && tenure->known.Test(rows.rows[i]);
      const RetentionTable::Worth& worth = model.retention->Of(known ? tenure->values[rows.rows[i]] : 0);
      out[i].churn_12m = worth.churn_12m;
      out[i].lifetime_months = worth.lifetime_months;
      out[i].clv = Money(out[i].monthly_margin * worth.discounted_months);
      out[i].basis = basis;
      out[i].model = &model;
      work.open[i] = 0;
    }
  };
  for (const auto& model : models_) {
    if (!model->retention.has_value() || model->filter.text().empty()) continue;
    any_segment = true;
    set(*model, v1::VALUE_BASIS_SEGMENT_RETENTION_MODEL);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (work.open[i] != 0) out[i].why |= any_segment ? kNotOfSegmentModel : kNoSegmentModel;
  }
  for (const auto& model : models_) {
    if (model->retention.has_value() && model->filter.text().empty()) {
      set(*model, v1::VALUE_BASIS_PORTFOLIO_RETENTION_MODEL);
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (work.open[i] != 0) out[i].why |= kNoPortfolioModel;
  }
}

void ValueRules::SetPurchases(const Rows& rows, Work& work, std::vector<Worth>& out) const {
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (work.states[i] == State::kPaysNothing) out[i].why = Because(kPaysNothing);
    if (work.states[i] == State::kNoSubscription) out[i].why = Because(kNoPurchaseModel);
  }
  for (const auto& model : models_) {
    if (!model->purchase.has_value()) continue;
    const std::vector<char> selected = Selected(model->filter, rows);
    for (std::size_t i = 0; i < rows.rows.size(); ++i) {
      if (work.states[i] != State::kNoSubscription || selected[i] == 0 || out[i].model != nullptr) continue;
      const Purchases* history = rows.purchases(*model->purchase, rows.rows[i]);
      if (history == nullptr) {
        out[i].why = Because(kNoPurchases);
        continue;
      }
      const PurchaseModel::Worth worth = model->purchase->Of(*history, DayOf(rows.as_of(rows.rows[i])),
                                                             settings_.horizon_months(), settings_.discount_rate());
      out[i].alive = worth.alive;
      out[i].purchases = worth.purchases;
      out[i].basis = v1::VALUE_BASIS_PURCHASE_MODEL;
      out[i].model = model.get();
      out[i].why = model->purchase->has_spend() ? 0 : Because(kNoSpend);
      if (model->purchase->has_spend()) out[i].clv = Money(out[i].margin_rate * worth.value);
    }
  }
}

std::vector<Worth> ValueRules::Compute(const Rows& rows) const {
  const std::size_t count = rows.rows.size();
  std::vector<Worth> out(count);
  Work work{.states = std::vector<State>(count, State::kNoSubscription),
            .mrr = std::vector<double>(count, 0),
            .open = std::vector<char>(count, 0)};
  SetMargins(rows, out);
  const facts::NumberColumn* mrr = mrr_.has_value() ? rows.table.numbers(*mrr_) : nullptr;
  const facts::TextColumn* phases = phase_.has_value() ? rows.table.texts(*phase_) : nullptr;
  const std::uint32_t churned = phases != nullptr ? phases->dictionary.Find("CHURNED") : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const facts::RowId row = rows.rows[i];
    if (churned != 0 && phases->codes[row] == churned) {
      work.states[i] = State::kChurned;
      out[i].clv = 0;
      out[i].lifetime_months = 0;
      out[i].why = Because(kHasChurned);
    } else if (mrr != nullptr && mrr->known.Test(row)) {
      work.mrr[i] = mrr->values[row];
      work.states[i] = work.mrr[i] > 0 ? State::kPays : State::kPaysNothing;
      work.open[i] = work.mrr[i] > 0 ? 1 : 0;
      out[i].monthly_margin = Money(work.mrr[i] * out[i].margin_rate);
    }
  }
  SetChurn(rows, work, out);
  SetRetention(rows, work, out);
  SetPurchases(rows, work, out);
  return out;
}

}  // namespace perennial::health
