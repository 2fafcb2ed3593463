#include "accounts-svc/facts/usage_state.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {
constexpr int kUserDays = 30;
constexpr int kUsageDays = 90;
}  // namespace

bool IsExactPart(double value) {
  const double scaled = value * 1024;
  return value <= kMostExactSum && scaled == std::floor(scaled);
}

UsageState::UsageState(const AccountHistory& history, std::int64_t day)
    : day_(day), last_time_(history.last_event_time), last_id_(history.last_event_id) {
  for (const UsageDay& use : history.usage) {
    MetricUse& at = At(use.metric);
    if (use.day != day_) {
      AddDay(at, use.day, use.sum);
      continue;
    }
    at.today += use.sum;
    if (use.sum > 0) at.active_days |= 1;
  }
  for (const std::int64_t metric : history.inexact_today) At(metric).today_is_exact = false;
  for (const LastUse& last : history.last_use) {
    MetricUse& at = At(last.metric);
    at.last_day = std::max(at.last_day.value_or(last.day), last.day);
  }
  for (const UsageUser& user : history.users) AddUser(user.metric, user.day, user.user);
  users_seen_ = history.users_seen;
  reported_ = history.usage_reported || !metrics_.empty();
}

const MetricUse* UsageState::Find(std::int64_t metric) const {
  const auto at = std::lower_bound(metrics_.begin(), metrics_.end(), metric,
                                   [](const MetricUse& use, std::int64_t no) { return use.metric < no; });
  return at != metrics_.end() && at->metric == metric ? &*at : nullptr;
}

MetricUse& UsageState::At(std::int64_t metric) {
  const auto at = std::lower_bound(metrics_.begin(), metrics_.end(), metric,
                                   [](const MetricUse& use, std::int64_t no) { return use.metric < no; });
  if (at != metrics_.end() && at->metric == metric) return *at;
  return *metrics_.insert(at, {.metric = metric});
}

std::optional<std::int64_t> UsageState::last_day() const {
  std::optional<std::int64_t> last;
  for (const MetricUse& use : metrics_) {
    if (use.last_day.has_value()) last = std::max(last.value_or(*use.last_day), *use.last_day);
  }
  return last;
}

void UsageState::AddDay(MetricUse& use, std::int64_t day, double sum) {
  const std::int64_t age = day_ - day;
  if (age < 7) use.before_7d += sum;
  if (age < 30) {
    use.before_30d += sum;
    if (sum > 0) use.active_days |= std::uint32_t{1} << age;
  } else if (age < 60) {
    use.prev_30d += sum;
  }
  use.before_90d += sum;
  use.before_is_exact = use.before_is_exact && IsExactPart(sum) && use.before_90d <= kMostExactSum;
}

void UsageState::AddUser(std::int64_t metric, std::int64_t day, absl::string_view user) {
  auto& used = users_[user];
  for (auto& [no, last] : used) {
    if (no != metric) continue;
    last = std::max(last, day);
    return;
  }
  used.emplace_back(metric, day);
  ++At(metric).users_30d;
}

bool UsageState::AddToday(MetricUse& use, const UsageEvent& event) {
  const bool last = std::tie(last_time_, last_id_) < std::tie(event.time, event.record_id);
  use.today += event.value;
  use.today_is_exact = use.today_is_exact && IsExactPart(event.value);
  if (last) {
    last_time_ = event.time;
    last_id_ = event.record_id;
    return true;
  }
  return use.today_is_exact && use.today <= kMostExactSum;
}

bool UsageState::AddEarlier(MetricUse& use, std::int64_t day, double value) {
  if (day_ - day >= kUsageDays) return true;
  // The day may have a sum already, which is not known here.
  if (!use.before_is_exact || !IsExactPart(value)) return false;
  AddDay(use, day, value);
  return use.before_is_exact;
}

bool UsageState::Add(const UsageEvent& event) {
  const std::int64_t day = DayOf(event.time);
  if (day > day_) return false;
  reported_ = true;
  if (day_ - day >= kUsageDays && event.value == 0 && Find(event.metric) == nullptr) return true;
  MetricUse& use = At(event.metric);
  if (!(day == day_ ? AddToday(use, event) : AddEarlier(use, day, event.value))) return false;
  if (event.value == 0) return true;
  if (day == day_) use.active_days |= 1;
  use.last_day = std::max(use.last_day.value_or(day), day);
  if (event.user.empty()) return true;
  users_seen_ = true;
  if (day_ - day < kUserDays) AddUser(event.metric, day, event.user);
  return true;
}

bool UsageState::KnowsUse(std::int64_t metric, std::int64_t day) const {
  const MetricUse* use = Find(metric);
  return use != nullptr && use->last_day.has_value() && *use->last_day >= day;
}

bool UsageState::KnowsUser(std::int64_t metric, std::int64_t day, absl::string_view user) const {
  const auto found = users_.find(user);
  if (found == users_.end()) return false;
  return std::find(found->second.begin(), found->second.end(), std::pair(metric, day)) != found->second.end();
}

void UsageState::Encode(ByteWriter& out) const {
  out.Signed(day_).Unsigned((reported_ ? 1 : 0) | (users_seen_ ? 2 : 0)).Time(last_time_).Text(last_id_);
  out.Unsigned(metrics_.size());
  for (const MetricUse& use : metrics_) {
    out.Signed(use.metric).Double(use.before_7d).Double(use.before_30d).Double(use.prev_30d).Double(use.before_90d);
    out.Double(use.today).Unsigned(use.active_days).Signed(use.users_30d);
    out.Unsigned((use.before_is_exact ? 1 : 0) | (use.today_is_exact ? 2 : 0) | (use.last_day.has_value() ? 4 : 0));
    if (use.last_day.has_value()) out.Signed(day_ - *use.last_day);
  }
  out.Unsigned(users_.size());
  for (const auto& [user, used] : users_) {
    out.Text(user).Unsigned(used.size());
    for (const auto& [metric, last] : used) out.Signed(metric).Signed(day_ - last);
  }
}

UsageState UsageState::Decode(ByteReader& in) {
  UsageState state;
  state.day_ = in.Signed();
  const std::uint64_t seen = in.Unsigned();
  state.reported_ = (seen & 1) != 0;
  state.users_seen_ = (seen & 2) != 0;
  state.last_time_ = in.Time();
  state.last_id_ = in.Text();
  for (std::uint64_t metrics = in.Unsigned(); in.ok() && metrics > 0; --metrics) {
    MetricUse& use = state.metrics_.emplace_back();
    use.metric = in.Signed();
    for (double* sum : {&use.before_7d, &use.before_30d, &use.prev_30d, &use.before_90d, &use.today}) *sum = in.Double();
    use.active_days = static_cast<std::uint32_t>(in.Unsigned());
    use.users_30d = static_cast<int>(in.Signed());
    const std::uint64_t exact = in.Unsigned();
    use.before_is_exact = (exact & 1) != 0;
    use.today_is_exact = (exact & 2) != 0;
    if ((exact & 4) != 0) use.last_day = state.day_ - in.Signed();
  }
  for (std::uint64_t users = in.Unsigned(); in.ok() && users > 0; --users) {
    auto& used = state.users_[in.Text()];
    for (std::uint64_t uses = in.Unsigned(); in.ok() && uses > 0; --uses) {
      const std::int64_t metric = in.Signed();
      used.emplace_back(metric, state.day_ - in.Signed());
    }
  }
  return in.ok() ? state : UsageState();
}

std::size_t UsageState::bytes() const {
  std::size_t names = last_id_.capacity();
  for (const auto& [name, used] : users_) names += name.capacity() > 15 ? name.capacity() + 16 : 0;
  return metrics_.capacity() * sizeof(MetricUse) + users_.capacity() * (sizeof(*users_.begin()) + 1) + names;
}

}  // namespace perennial::accounts
