#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/base/time_util.h"
#include "health-svc/portfolio.h"

namespace perennial::health {

// Steps of a flag that are kept.
constexpr std::size_t kMostTransitions = 20;

// Actor of what comes by itself.
constexpr const char* kSelf = "health-svc";

struct FlagStep {
  v1::FlagState state = v1::FLAG_STATE_UNSPECIFIED;
  absl::Time time;
  std::string actor = kSelf;
  std::string note = {};
  std::vector<v1::FlagCause> causes = {};
};

// Adds a step to a flag's life, which had `causes` when it was last raised; the oldest goes when there are too many.
inline void AddTransition(const FlagStep& step, const std::vector<v1::FlagCause>& causes, FlagState& flag) {
  v1::FlagTransition transition;
  transition.set_state(step.state);
  SetTimestamp(step.time, transition.mutable_time());
  transition.set_actor(step.actor);
  transition.set_note(step.note);
  transition.mutable_causes()->Assign(step.causes.begin(), step.causes.end());
  std::vector<v1::FlagTransition> transitions = flag.story.Transitions();
  transitions.push_back(std::move(transition));
  if (transitions.size() > kMostTransitions) transitions.erase(transitions.begin());
  flag.story = FlagStory(causes, transitions);
}

// The flag as the store keeps it.
StoredFlag ToStored(const std::string& account_id, const std::string& rule, const FlagState& state);

}  // namespace perennial::health
