#include "gateway/caller_limits.h"

#include <algorithm>
#include <cmath>

#include "common/base/error_details.h"

namespace perennial::gateway {
namespace {

constexpr std::size_t kMostCallers = 10000;
constexpr char kOthers[] = "";  // all callers for whom there is no room, together
constexpr int kRetryConcurrencyMs = 100;

}  // namespace

void CallerLimits::Fill(State& state, Clock::time_point now) const {
  const double seconds = std::chrono::duration<double>(now - state.filled).count();
  state.tokens = std::min(options_.burst, state.tokens + std::max(0.0, seconds) * options_.rate);
  state.filled = now;
}

void CallerLimits::Forget(Clock::time_point now) {
  if (now - forgotten_ < std::chrono::seconds(1)) return;
  forgotten_ = now;
  absl::erase_if(callers_, [&](auto& entry) {
    Fill(entry.second, now);
    return entry.second.running == 0 && entry.second.tokens >= options_.burst;
  });
}

absl::StatusOr<CallerLimits::Ticket> CallerLimits::Admit(const std::string& caller, Clock::time_point now) {
  if (options_.rate <= 0 && options_.concurrent == 0) return Ticket();
  MutexLock lock(mu_);
  if (callers_.size() >= kMostCallers && !callers_.contains(caller)) Forget(now);
  const std::string& name = callers_.size() < kMostCallers || callers_.contains(caller) ? caller : std::string(kOthers);
  const auto [entry, added] = callers_.try_emplace(name, State{.tokens = options_.burst, .filled = now, .running = 0});
  State& state = entry->second;
  if (options_.concurrent > 0 && state.running >= options_.concurrent) {
    return WithRetryAfter(WithReason(absl::ResourceExhaustedError("too many calls of this caller are under way"),
                                     "CALLER_CONCURRENCY"),
                          kRetryConcurrencyMs);
  }
  if (options_.rate > 0) {
    Fill(state, now);
    if (state.tokens < 1) {
      const int wait = static_cast<int>(std::ceil((1 - state.tokens) / options_.rate * 1000));
      return WithRetryAfter(WithReason(absl::ResourceExhaustedError("this caller calls too often"), "CALLER_RATE"), wait);
    }
    state.tokens -= 1;
  }
  ++state.running;
  return Ticket(this, name);
}

void CallerLimits::Release(const std::string& caller) {
  MutexLock lock(mu_);
  const auto entry = callers_.find(caller);
  if (entry != callers_.end()) --entry->second.running;
}

}  // namespace perennial::gateway
