// The meaning of the facts of the account, revenue and usage, from docs/facts.md.
#include <cmath>

#include "tests/accounts/model/plain_moment.h"

namespace perennial::accounts::testing {
namespace {

class OwnFacts : PlainMoment {
 public:
  OwnFacts(const PlainAccount& account, const v1::Account& state, const std::set<std::string>& metrics, absl::Time as_of,
           FactMap& facts)
      : PlainMoment(account, as_of, facts), state_(state), metrics_(metrics) {}

  void Add() {
    AddAccount();
    AddRevenue();
    AddUsage();
  }

 private:
  void AddAccount() {
    facts_["name"] = state_.display_name();
    if (!state_.owner().empty()) facts_["owner"] = state_.owner();
    if (!state_.parent().empty()) facts_["parent"] = AccountIn(state_.parent());
    facts_["tags"] = std::set<std::string>(state_.tags().begin(), state_.tags().end());
    facts_["tenure_days"] = DaysSince(account_.customer_since);
    for (const auto& [key, value] : state_.attributes()) {
      FactValue& fact = facts_["attributes." + key];
      if (value.has_number()) fact = value.number();
      if (value.has_text()) fact = value.text();
      if (value.has_flag()) fact = value.flag();
      if (value.has_time()) fact = TimeOf(value.time());
    }
    const std::vector<PlainPhase> phases = PhasesBy(account_, as_of_);
    if (phases.empty()) return;
    facts_["phase"] = v1::LifecyclePhase_Name(phases.back().phase).substr(std::string("LIFECYCLE_PHASE_").size());
    facts_["phase_days"] = DaysSince(phases.back().time);
  }

  void AddRevenue() {
    bool any = false;
    for (const auto& [id, subscription] : account_.subscriptions) any = any || subscription.start <= as_of_;
    if (!any) return;
    const std::int64_t mrr = MrrAt(account_, as_of_);
    facts_["mrr"] = static_cast<double>(mrr) / 1e6;
    facts_["arr"] = static_cast<double>(mrr * 12) / 1e6;
    AddActive();
    AddWindow("30d", 30);
    AddWindow("90d", 90);
    AddWindow("365d", 365);
  }

  void AddActive() {
    double seats = 0;
    bool trial = false;
    bool paid = false;
    const v1::Subscription* main = nullptr;
    const v1::Subscription* renews = nullptr;
    const auto pays = [](const v1::Subscription& state) {
      return state.trial() ? std::int64_t{0} : Millionths(state.mrr().amount());
    };
    for (const auto& [id, subscription] : account_.subscriptions) {
      if (!RunsAt(subscription, as_of_)) continue;
      const v1::Subscription& state = StateAt(subscription, as_of_);
      seats += static_cast<double>(state.seats());
      trial = trial || state.trial();
      paid = paid || pays(state) > 0;
      // What is paid most; where nothing is paid, what costs most.
      if (main == nullptr || pays(state) > pays(*main) ||
          (pays(state) == pays(*main) && Millionths(state.mrr().amount()) > Millionths(main->mrr().amount()))) {
        main = &state;
      }
      if (pays(state) > 0 && state.has_renewal_time() &&
          (renews == nullptr || TimeOf(state.renewal_time()) < TimeOf(renews->renewal_time()))) {
        renews = &state;
      }
      if (state.trial() && state.has_trial_end_time()) {
        const double left = -DaysSince(TimeOf(state.trial_end_time()));
        const auto present = facts_.find("trial_days_left");
        if (present == facts_.end() || left < std::get<double>(present->second)) facts_["trial_days_left"] = left;
      }
    }
    facts_["seats"] = seats;
    facts_["is_trial"] = trial && !paid;
    if (main != nullptr) facts_["plan"] = main->plan();
    if (main != nullptr) facts_["auto_renew"] = renews != nullptr ? renews->auto_renew() : main->auto_renew();
    if (renews != nullptr) facts_["renewal_days"] = -DaysSince(TimeOf(renews->renewal_time()));
  }

  void AddWindow(const std::string& window, std::int64_t days) {
    const absl::Time begin = Midnight(today_ - days + 1);
    std::map<v1::MovementKind, std::int64_t> sums;
    for (const PlainMovement& movement : MovementsBy(account_, as_of_)) {
      if (movement.time >= begin) sums[movement.kind] += std::abs(movement.amount);
    }
    const auto put = [&](const std::string& name, std::int64_t amount) {
      facts_["revenue." + name + "_" + window] = static_cast<double>(amount) / 1e6;
    };
    put("start", MrrAt(account_, begin - absl::Microseconds(1)));
    put("new", sums[v1::MOVEMENT_KIND_NEW]);
    put("expansion", sums[v1::MOVEMENT_KIND_EXPANSION]);
    put("contraction", sums[v1::MOVEMENT_KIND_CONTRACTION]);
    put("churned", sums[v1::MOVEMENT_KIND_CHURN]);
    put("reactivated", sums[v1::MOVEMENT_KIND_REACTIVATION]);
  }

  // Sum of a metric over days of the past: those that are from `from` to less than `to` days old.
  [[nodiscard]] double Sum(const std::string& metric, std::int64_t from, std::int64_t to) const {
    double sum = 0;
    for (const auto& [id, record] : account_.usage) {
      if (record.usage().metric() != metric || TimeOf(record.event_time()) > as_of_) continue;
      const std::int64_t age = today_ - DayNumber(TimeOf(record.event_time()));
      if (age >= from && age < to) sum += record.usage().value();
    }
    return sum;
  }

  // Facts of one metric. Whether it was used within 30 days.
  bool AddMetric(const std::string& metric, bool users_named) {
    const std::string prefix = "usage." + metric + ".";
    std::set<std::int64_t> days;
    std::set<std::string> users;
    std::optional<std::int64_t> last;
    for (const auto& [id, record] : account_.usage) {
      const absl::Time time = TimeOf(record.event_time());
      if (record.usage().metric() != metric || time > as_of_ || record.usage().value() == 0) continue;
      last = std::max(last.value_or(DayNumber(time)), DayNumber(time));
      if (!Within(time, 30)) continue;
      days.insert(DayNumber(time));
      if (!record.usage().user().empty()) users.insert(record.usage().user());
    }
    const double now = Sum(metric, 0, 30);
    const double before = Sum(metric, 30, 60);
    facts_[prefix + "sum_7d"] = Sum(metric, 0, 7);
    facts_[prefix + "sum_30d"] = now;
    facts_[prefix + "sum_prev_30d"] = before;
    facts_[prefix + "sum_90d"] = Sum(metric, 0, 90);
    facts_[prefix + "active_days_30d"] = static_cast<double>(days.size());
    if (before > 0) facts_[prefix + "change_30d"] = (now - before) / before;
    if (users_named) facts_[prefix + "users_30d"] = static_cast<double>(users.size());
    if (last.has_value()) facts_[prefix + "days_since_last"] = static_cast<double>(today_ - *last);
    return !days.empty();
  }

  void AddUsage() {
    bool reported = false;
    bool users_named = false;
    std::set<std::string> users;
    std::optional<std::int64_t> last;
    for (const auto& [id, record] : account_.usage) {
      const absl::Time time = TimeOf(record.event_time());
      if (time > as_of_) continue;
      reported = true;
      if (record.usage().value() == 0) continue;
      last = std::max(last.value_or(DayNumber(time)), DayNumber(time));
      if (record.usage().user().empty()) continue;
      users_named = true;
      if (Within(time, 30)) users.insert(record.usage().user());
    }
    if (!reported) return;
    double used = 0;
    double now = 0;
    double before = 0;
    for (const std::string& metric : metrics_) {
      if (AddMetric(metric, users_named)) ++used;
      const double level = Sum(metric, 0, 90);
      if (level > 0) now += Sum(metric, 0, 30) / level;
      if (level > 0) before += Sum(metric, 30, 60) / level;
    }
    if (last.has_value()) facts_["usage.days_since_last"] = static_cast<double>(today_ - *last);
    if (before > 0) facts_["usage.change_30d"] = (now - before) / before;
    facts_["usage.breadth_30d"] = used / static_cast<double>(metrics_.size());
    const auto seats = facts_.find("seats");
    if (users_named && seats != facts_.end() && std::get<double>(seats->second) > 0) {
      facts_["usage.seat_utilisation_30d"] = static_cast<double>(users.size()) / std::get<double>(seats->second);
    }
  }

  const v1::Account& state_;
  const std::set<std::string>& metrics_;
};

}  // namespace

FactMap ComputePlainFacts(const PlainAccount& account, const v1::Account& state, const std::set<std::string>& metrics,
                          absl::Time as_of) {
  FactMap facts;
  OwnFacts(account, state, metrics, as_of, facts).Add();
  AddPeopleFacts(account, as_of, facts);
  return facts;
}

}  // namespace perennial::accounts::testing
