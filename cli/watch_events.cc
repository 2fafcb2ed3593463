#include "cli/watch_events.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/format.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using perennial::segments::v1::MembershipCause;

// Of "100.0".
constexpr int kScoreWidth = 5;

absl::string_view NameOf(WatchKind kind) {
  switch (kind) {
    case WatchKind::kScoreChanged: return "score_changed";
    case WatchKind::kFlagOpened: return "flag_opened";
    case WatchKind::kFlagCleared: return "flag_cleared";
    case WatchKind::kSegmentEntered: return "segment_entered";
    case WatchKind::kSegmentLeft: return "segment_left";
    case WatchKind::kAccountDeleted: return "account_deleted";
  }
  return "";
}

absl::string_view CauseName(MembershipCause cause) {
  absl::string_view name = perennial::segments::v1::MembershipCause_Name(cause);
  absl::ConsumePrefix(&name, "MEMBERSHIP_CAUSE_");
  return name;
}

Json PointJson(const ScorePoint& point) {
  return {{"score", point.score.has_value() ? Json(*point.score) : Json()},
          {"band", point.band},
          {"coverage", point.coverage},
          {"frozen", point.frozen}};
}

std::optional<double> ScoreOf(const std::optional<ScorePoint>& point) {
  return point.has_value() ? point->score : std::nullopt;
}

std::string BandName(absl::string_view band) { return std::string(band.empty() ? "unknown" : band); }

Text ScoreText(const WatchEvent& event) {
  const std::optional<double> before = ScoreOf(event.before);
  const std::optional<double> after = event.after.score;
  Text text;
  text.Add(Text(FormatScore(before), Style::kDim).AlignedRight(kScoreWidth)).Add(" → ");
  text.Add(Text(FormatScore(after), StyleOfBand(event.after.band)).AlignedRight(kScoreWidth));
  if (before.has_value() && after.has_value() && *before != *after) {
    const bool worse = *after < *before;
    text.Add(worse ? "  ▼ " : "  ▲ ", worse ? Style::kRed : Style::kGreen)
        .Add(FormatNumber(std::abs(*after - *before), 1));
  }
  if (!event.before.has_value()) text.Add("  new, ").Add(BandText(event.after.band));
  if (event.before.has_value() && event.before->band != event.after.band) {
    text.Add("  ").Add(BandName(event.before->band), Style::kDim).Add(" → ").Add(BandText(event.after.band));
  }
  if (event.after.frozen && !(event.before.has_value() && event.before->frozen))
    text.Add("  frozen: churned", Style::kRed);
  return text;
}

Text WhatHappened(const WatchEvent& event, const FlagRules& rules) {
  switch (event.kind) {
    case WatchKind::kScoreChanged: return ScoreText(event);
    case WatchKind::kFlagOpened: return Text("raised ").Add(FlagName(rules, event.subject));
    case WatchKind::kFlagCleared: return Text("cleared ", Style::kDim).Add(FlagName(rules, event.subject));
    case WatchKind::kSegmentEntered: return Text("entered ").Add(LastPart(event.subject), Style::kCyan);
    case WatchKind::kSegmentLeft: return Text("left ", Style::kDim).Add(LastPart(event.subject), Style::kCyan);
    case WatchKind::kAccountDeleted: return {"deleted", Style::kRed};
  }
  return {};
}

}  // namespace

WatchEvent MembershipChange(const perennial::segments::v1::MembershipEvent& event) {
  const bool entered = event.kind() == perennial::segments::v1::MEMBERSHIP_EVENT_KIND_ENTERED;
  WatchEvent change;
  change.kind = entered ? WatchKind::kSegmentEntered : WatchKind::kSegmentLeft;
  change.time = ToTime(event.event_time());
  change.account = event.account();
  change.subject = event.segment();
  change.cause = event.cause();
  change.revision = event.revision();
  return change;
}

bool IsVisible(const WatchEvent& event) {
  if (event.kind != WatchKind::kScoreChanged || !event.before.has_value()) return true;
  return FormatScore(event.before->score) != FormatScore(event.after.score) || event.before->band != event.after.band ||
         event.before->frozen != event.after.frozen;
}

Text RenderEvent(const WatchEvent& event, absl::string_view account_name, const FlagRules& rules, int width) {
  const int name_width = std::clamp(width / 3, 16, 32);
  Text line(absl::FormatTime("%m-%d %H:%M:%S", event.time, absl::UTCTimeZone()), Style::kDim);
  line.Add("  ").Add(Text(account_name, Style::kBold).Truncated(name_width).PadTo(name_width + 2));
  return line.Add(WhatHappened(event, rules)).Truncated(width);
}

Json EventJson(const WatchEvent& event, absl::string_view account_name) {
  Json json = {{"event", std::string(NameOf(event.kind))},
               {"time", absl::FormatTime(absl::RFC3339_full, event.time, absl::UTCTimeZone())},
               {"account", event.account},
               {"display_name", std::string(account_name)},
               {"revision", event.revision}};
  switch (event.kind) {
    case WatchKind::kScoreChanged:
      json["before"] = event.before.has_value() ? PointJson(*event.before) : Json();
      json["after"] = PointJson(event.after);
      break;
    case WatchKind::kFlagOpened:
    case WatchKind::kFlagCleared: json["rule"] = event.subject; break;
    case WatchKind::kSegmentEntered:
    case WatchKind::kSegmentLeft:
      json["segment"] = event.subject;
      json["cause"] = std::string(CauseName(event.cause));
      break;
    case WatchKind::kAccountDeleted: break;
  }
  return json;
}

}  // namespace perennial::cli
