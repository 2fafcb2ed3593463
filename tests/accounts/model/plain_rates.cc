// Exchange rates of the plain model, from docs/currencies.md.
#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {
namespace {

constexpr std::int64_t kOne = 1'000'000'000;

std::int64_t Billionths(const std::string& rate) {
  const std::vector<std::string> parts = absl::StrSplit(rate, '.');
  std::string fraction = parts.size() > 1 ? parts[1] : "";
  fraction.resize(9, '0');
  return std::atoll(parts[0].c_str()) * kOne + std::atoll(fraction.c_str());
}

// In millionths, rounded half to even.
std::int64_t Converted(std::int64_t millionths, std::int64_t billionths) {
  const __int128 product = static_cast<__int128>(millionths) * billionths;
  const auto whole = static_cast<std::int64_t>(product / kOne);
  const auto rest = static_cast<std::int64_t>(product % kOne);
  if (2 * rest == kOne) return whole + whole % 2;
  return 2 * rest > kOne ? whole + 1 : whole;
}

bool SamePrice(const v1::Subscription& a, const v1::Subscription& b) {
  return Same(a.mrr(), b.mrr()) && a.trial() == b.trial();
}

bool InEuros(const v1::Subscription& state) { return state.mrr().currency_code() == "EUR"; }

}  // namespace

bool PlainModel::HasRate(const v1::Subscription& state, absl::Time time) const {
  return !InEuros(state) || (!rates_.empty() && rates_.begin()->first <= time);
}

bool PlainModel::AllRated(const PlainSubscription& before, const PlainSubscription& after) const {
  return std::all_of(after.states.begin(), after.states.end(), [&](const auto& entry) {
    const auto was = before.states.find(entry.first);
    if (was != before.states.end() && Same(was->second, entry.second)) return true;
    return HasRate(entry.second, RateMoment(before, entry.first));
  });
}

PlainAccount PlainModel::Counted(const PlainAccount& account) const {
  PlainAccount counted = account;
  counted.rules = rules_;
  for (auto& [id, subscription] : counted.subscriptions) {
    const PlainSubscription raw = subscription;
    const v1::Subscription* before = nullptr;
    std::int64_t rate = 0;
    for (auto& [since, state] : subscription.states) {
      const v1::Subscription& told = raw.states.at(since);
      // A price keeps its rate until there is another price.
      const bool goes_on = before != nullptr && SamePrice(*before, told);
      before = &told;
      if (!InEuros(told)) continue;
      if (!goes_on) rate = std::prev(rates_.upper_bound(RateMoment(raw, since)))->second;
      const std::int64_t amount = Converted(Millionths(told.mrr().amount()), rate);
      state.mutable_mrr()->set_amount(absl::StrCat(amount / 1'000'000, ".", std::to_string(1'000'000 + amount % 1'000'000).substr(1)));
      state.mutable_mrr()->set_currency_code("USD");
    }
  }
  return counted;
}

Code PlainModel::Apply(const v1::SetExchangeRateRequest& request) {
  const absl::Time since = TimeOf(request.exchange_rate().effective_time());
  if (since > now_ + absl::Hours(24)) return Code::INVALID_ARGUMENT;
  rates_[since] = Billionths(request.exchange_rate().rate());
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::DeleteExchangeRateRequest& request) {
  const auto rate = rates_.find(TimeOf(request.effective_time()));
  if (rate == rates_.end()) return Code::NOT_FOUND;
  const absl::Time end = std::next(rate) == rates_.end() ? absl::InfiniteFuture() : std::next(rate)->first;
  const bool first = rate == rates_.begin();
  for (const auto& [id, account] : accounts_) {
    for (const auto& [name, subscription] : account.subscriptions) {
      for (const auto& [since, state] : subscription.states) {
        if (first && InEuros(state) && RateMoment(subscription, since) < end) return Code::FAILED_PRECONDITION;
      }
    }
  }
  rates_.erase(rate);
  LookAtGoals();
  return Code::OK;
}

}  // namespace perennial::accounts::testing
