#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "cli/flag_rules.h"
#include "cli/json_output.h"
#include "cli/text.h"
#include "perennial/segments/v1/segment.pb.h"

namespace perennial::cli {

// A score as `watch` compares it.
struct ScorePoint {
  std::optional<double> score;
  std::string band;
  double coverage = 0;
  bool frozen = false;

  bool operator==(const ScorePoint&) const = default;
};

enum class WatchKind { kScoreChanged, kFlagOpened, kFlagCleared, kSegmentEntered, kSegmentLeft, kAccountDeleted };

// One thing that happened to an account.
struct WatchEvent {
  WatchKind kind = WatchKind::kScoreChanged;
  absl::Time time;
  // "accounts/{account}".
  std::string account;
  // Scores only; absent for an account that had none before.
  std::optional<ScorePoint> before;
  ScorePoint after;
  // Id of the flag's rule, or "segments/{segment}".
  std::string subject;
  // Of a membership.
  perennial::segments::v1::MembershipCause cause = perennial::segments::v1::MEMBERSHIP_CAUSE_UNSPECIFIED;
  // Position in its stream.
  std::int64_t revision = 0;
};

// Events of a membership stream's message become these.
WatchEvent MembershipChange(const perennial::segments::v1::MembershipEvent& event);

// Whether a person would see a difference: scores that look the same are left out of the view (not of --json).
bool IsVisible(const WatchEvent& event);

// One line: time, account, what happened.
Text RenderEvent(const WatchEvent& event, absl::string_view account_name, const FlagRules& rules, int width);

// One object with everything: event, time, account, display_name, and what belongs to its kind.
Json EventJson(const WatchEvent& event, absl::string_view account_name);

}  // namespace perennial::cli
