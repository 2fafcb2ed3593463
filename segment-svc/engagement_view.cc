#include "segment-svc/engagement_view.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "common/base/time_util.h"
#include "segment-svc/engagement_managers.h"
#include "segment-svc/money_total.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

// "2024-02-29".
std::string DateOf(std::int64_t day) { return absl::FormatCivilTime(absl::CivilDay(1970, 1, 1) + day); }

}  // namespace

EngagementView::EngagementView(const SegmentView& view, const EngagementState& state)
    : view_(view),
      state_(state),
      today_(DayOf(view.now)),
      called_(view),
      mrr_(view.facts, "mrr"),
      score_(view.facts, "health.score"),
      is_trial_(view.facts, "is_trial"),
      renewal_days_(view.facts, "renewal_days"),
      phase_days_(view.facts, "phase_days"),
      tenure_days_(view.facts, "tenure_days"),
      days_since_touch_(view.facts, "touch.days_since_last"),
      phase_(view.facts, "phase"),
      name_(view.facts, "name"),
      owner_(view.facts, "owner"),
      language_(view.facts, "attributes.language") {
  for (const v1::EngagementModel& stored : state.models) {
    Model& model = models_.emplace_back();
    if (stored.filter().empty()) continue;
    auto filter = CompileFor(view, stored.filter());
    if (!filter.ok()) {
      model.problem = absl::StrCat("its filter cannot be used: ", std::string(filter.status().message()));
      continue;
    }
    called_.Add(*filter);
    model.filter = *std::move(filter);
  }
  for (const auto& [id, manager] : state.managers) by_owner_.emplace(OwnerOf(manager), &manager);
}

std::vector<std::uint8_t> EngagementView::ModelsOfAll() {
  const facts::FactTable& table = view_.facts.table();
  std::vector<std::uint8_t> models(table.row_count(), kNoModel);
  facts::Bitmap open = table.live_rows();
  for (std::size_t m = 0; m < models_.size(); ++m) {
    if (!models_[m].problem.empty()) continue;
    facts::Bitmap taken = open;
    if (models_[m].filter.has_value()) {
      taken = models_[m].filter->EvaluateAll(table, {.now = view_.now, .segments = &called_});
      taken.Resize(open.size());
      for (std::size_t w = 0; w < open.words().size(); ++w) taken.words()[w] &= open.words()[w];
    }
    taken.ForEach([&](facts::RowId row) { models[row] = static_cast<std::uint8_t>(m); });
    for (std::size_t w = 0; w < open.words().size(); ++w) open.words()[w] &= ~taken.words()[w];
  }
  return models;
}

std::uint8_t EngagementView::ModelOf(facts::RowId row, std::vector<v1::ModelVerdict>& verdicts) {
  for (std::size_t m = 0; m < models_.size(); ++m) {
    v1::ModelVerdict& verdict = verdicts.emplace_back();
    verdict.set_model(state_.models[m].name());
    verdict.set_priority(state_.models[m].priority());
    if (!models_[m].problem.empty()) {
      verdict.set_reason(models_[m].problem);
      continue;
    }
    if (!models_[m].filter.has_value()) {
      verdict.set_matched(true);
      verdict.set_reason("it takes every account that no model before it takes");
      return static_cast<std::uint8_t>(m);
    }
    const std::string& text = models_[m].filter->canonical();
    switch (models_[m].filter->Evaluate(facts::TableRow(view_.facts.table(), row),
                                        {.now = view_.now, .segments = &called_})) {
      case filter::Truth::kTrue:
        verdict.set_matched(true);
        verdict.set_reason(absl::StrCat("its filter is true: ", text));
        return static_cast<std::uint8_t>(m);
      case filter::Truth::kFalse: verdict.set_reason(absl::StrCat("its filter is false: ", text)); break;
      case filter::Truth::kUnknown:
        verdict.set_reason(absl::StrCat("its filter reads facts that are unknown: ", text));
        break;
    }
  }
  return kNoModel;
}

const v1::Manager* EngagementView::ManagerOf(facts::RowId row, bool* assigned) const {
  if (assigned != nullptr) *assigned = false;
  const auto found = state_.assignments.find(account_id(row));
  if (found != state_.assignments.end()) {
    const auto manager = state_.managers.find(found->second);
    if (manager != state_.managers.end()) {
      if (assigned != nullptr) *assigned = true;
      return &manager->second;
    }
  }
  const std::string& owner = owner_[row];
  if (owner.empty()) return nullptr;
  const auto manager = by_owner_.find(owner);
  return manager == by_owner_.end() ? nullptr : manager->second;
}

bool EngagementView::NeedsManager(facts::RowId row, std::uint8_t model) const {
  if (model == kNoModel || state_.models[model].tier() == v1::ENGAGEMENT_TIER_DIGITAL) return false;
  const bool lapsed_trial = phase_[row] == "TRIAL" && is_trial_.Or(row, 1) == 0;
  return phase_[row] != "CHURNED" && !lapsed_trial;
}

std::int32_t EngagementView::WeightOf(std::uint8_t model) const {
  return std::max(1, state_.models[model].account_weight());
}

std::optional<EngagementView::Touch> EngagementView::TouchOf(facts::RowId row, std::uint8_t model) const {
  if (model == kNoModel) return std::nullopt;
  for (const v1::TouchCadence& cadence : state_.models[model].cadences()) {
    if (cadence.phase() != phase_[row]) continue;
    Touch touch;
    touch.cadence = cadence.days();
    const std::int64_t day = view_.facts.fact_day(row);
    if (const auto days = days_since_touch_[row]) {
      touch.last_day = day - std::llround(*days);
      touch.due_day = *touch.last_day + cadence.days();
      return touch;
    }
    // Nobody has talked to them yet: counted from when the phase began, or else the relationship.
    auto since = phase_days_[row];
    if (!since.has_value()) since = tenure_days_[row];
    touch.due_day = since.has_value() ? day - std::llround(*since) + cadence.days() : day;
    return touch;
  }
  return std::nullopt;
}

Micros EngagementView::ValueAtRisk(facts::RowId row) const {
  constexpr double kBest = 100;
  constexpr double kNeutral = 50;
  MoneyTotal value;
  value.Add(mrr_.Or(row, 0) * (kBest - std::clamp(score_.Or(row, kNeutral), 0.0, kBest)) / kBest);
  return value.micros();
}

bool EngagementView::WeighsMore(facts::RowId a, facts::RowId b) const {
  constexpr double kUnknown = -std::numeric_limits<double>::infinity();
  const double mrr_a = mrr_.Or(a, kUnknown);
  const double mrr_b = mrr_.Or(b, kUnknown);
  if (mrr_a != mrr_b) return mrr_a > mrr_b;
  return account_id(a) < account_id(b);
}

v1::DueTouch EngagementView::ToProto(facts::RowId row, std::uint8_t model, const Touch& touch,
                                     const std::string& currency) const {
  v1::DueTouch out;
  out.set_account(AccountName(account_id(row)));
  out.set_display_name(name_[row]);
  out.set_model(state_.models[model].name());
  if (const v1::Manager* manager = ManagerOf(row)) out.set_manager(manager->name());
  out.set_phase(phase_[row]);
  out.set_cadence_days(touch.cadence);
  if (touch.last_day.has_value()) out.set_last_touch_date(DateOf(*touch.last_day));
  out.set_due_date(DateOf(touch.due_day));
  out.set_overdue_days(static_cast<std::int32_t>(std::max<std::int64_t>(0, today_ - touch.due_day)));
  out.mutable_value_at_risk()->set_amount(FormatAmount(ValueAtRisk(row)));
  out.mutable_value_at_risk()->set_currency_code(currency);
  if (state_.models[model].channels_size() > 0) out.set_channel(state_.models[model].channels(0));
  return out;
}

}  // namespace perennial::segments
