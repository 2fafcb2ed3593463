#include "health-svc/flags.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/filter/filter.h"
#include "common/filter/filter_reading.h"
#include "common/server/audited_change.h"
#include "health-svc/configurator.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

constexpr absl::string_view kAllAccounts = "accounts/-";

// Where a flag stands in the list: high severity first, then the oldest, then by account and rule.
struct Place {
  int severity = 0;  // lowest for the highest
  std::int64_t raised = 0;
  absl::string_view account;
  absl::string_view rule;
  facts::RowId row = 0;
  std::size_t rule_index = 0;
  const FlagState* state = nullptr;

  [[nodiscard]] auto Tie() const { return std::tie(severity, raised, account, rule); }
  bool operator<(const Place& other) const { return Tie() < other.Tie(); }
};

std::string ToCursor(const Place& place) {
  return absl::StrCat(place.severity, " ", place.raised, " ", place.account, " ", place.rule);
}

// Views into `cursor`.
absl::StatusOr<Place> FromCursor(const std::string& cursor) {
  const std::vector<absl::string_view> parts = absl::StrSplit(cursor, ' ');
  Place place;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &place.severity) || !absl::SimpleAtoi(parts[1], &place.raised)) {
    return absl::InvalidArgumentError("page_token is not a token of this request");
  }
  place.account = parts[2];
  place.rule = parts[3];
  return place;
}

FlagStep StepOf(v1::FlagState state, const std::string& actor, const std::string& note) {
  return {.state = state, .time = absl::InfinitePast(), .actor = actor, .note = note};
}

// Which flags a request asks for.
struct Selection {
  absl::Time now;
  std::vector<std::size_t> rules;
  std::optional<facts::RowId> row;  // of one account
  std::optional<facts::Bitmap> rows;
  bool show_cleared = false;

  [[nodiscard]] bool Has(facts::RowId at, const FlagState& state) const {
    if (!state.standing.raised.has_value() || (!state.IsRaised(now) && !show_cleared)) return false;
    if (row.has_value() && *row != at) return false;
    return !rows.has_value() || rows->Test(at);
  }
};

std::vector<Place> Places(const Portfolio& portfolio, const Selection& selection) {
  std::vector<Place> places;
  const auto add = [&](std::size_t rule, facts::RowId row, const FlagState& state) {
    if (!selection.Has(row, state)) return;
    const v1::FlagRule& config = portfolio.rules().all()[rule].config;
    places.push_back({.severity = -static_cast<int>(config.severity()),
                      .raised = absl::ToUnixMicros(*state.standing.raised),
                      .account = portfolio.table().account_id(row),
                      .rule = config.id(),
                      .row = row,
                      .rule_index = rule,
                      .state = &state});
  };
  for (const std::size_t rule : selection.rules) {
    const auto& states = portfolio.flags(rule);
    if (selection.row.has_value()) {
      const auto found = states.find(*selection.row);
      if (found != states.end()) add(rule, found->first, found->second);
    } else {
      for (const auto& [row, state] : states) add(rule, row, state);
    }
  }
  return places;
}

// The places after `cursor`, of which the first `most` are in order.
absl::Status KeepAfter(const std::string& cursor, std::size_t most, std::vector<Place>& places) {
  if (!cursor.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(const Place start, FromCursor(cursor));
    std::erase_if(places, [&](const Place& place) { return !(start < place); });
  }
  const auto middle = places.begin() + static_cast<std::ptrdiff_t>(std::min(most, places.size()));
  std::partial_sort(places.begin(), middle, places.end());
  return absl::OkStatus();
}

// Views into the flag.
Place PlaceOf(const v1::Flag& flag) {
  const absl::string_view name = flag.name();
  constexpr absl::string_view kBefore = "accounts/";
  constexpr absl::string_view kAfter = "/flags/";
  return {.severity = -static_cast<int>(flag.severity()),
          .raised = absl::ToUnixMicros(ToTime(flag.raise_time())),
          .account = name.substr(kBefore.size(), name.size() - kBefore.size() - kAfter.size() - flag.rule().size()),
          .rule = flag.rule()};
}

}  // namespace

std::string ListKey(const v1::ListFlagsRequest& request) {
  return absl::StrCat("ListFlags\n", request.parent(), "\n", request.filter(), "\n", request.show_cleared(), "\n",
                      absl::StrJoin(request.rules(), ","));
}

std::string CursorAfter(const v1::Flag& flag) { return ToCursor(PlaceOf(flag)); }

bool ComesBefore(const v1::Flag& a, const v1::Flag& b) { return PlaceOf(a) < PlaceOf(b); }

v1::Flag ToFlag(const Portfolio& portfolio, facts::RowId row, std::size_t rule, const FlagState& state,
                absl::Time now) {
  const v1::FlagRule& config = portfolio.rules().all()[rule].config;
  v1::Flag flag;
  flag.set_name(absl::StrCat("accounts/", portfolio.table().account_id(row), "/flags/", config.id()));
  flag.set_rule(config.id());
  flag.set_display_name(config.display_name());
  flag.set_severity(config.severity());
  flag.set_category(config.category());
  const FlagStanding& standing = state.standing;
  if (!standing.open) {
    flag.set_state(v1::FLAG_STATE_CLEARED);
  } else if (state.IsAsleep(now) || state.handled == v1::FLAG_STATE_ACKNOWLEDGED ||
             state.handled == v1::FLAG_STATE_RESOLVED) {
    flag.set_state(state.handled);
  } else {
    flag.set_state(v1::FLAG_STATE_OPEN);
  }
  if (standing.raised.has_value()) SetTimestamp(*standing.raised, flag.mutable_raise_time());
  if (standing.cleared.has_value()) SetTimestamp(*standing.cleared, flag.mutable_clear_time());
  if (state.IsAsleep(now)) SetTimestamp(*state.snooze_until, flag.mutable_snooze_until());
  const std::vector<v1::FlagCause> causes = state.story.Causes();
  flag.mutable_causes()->Assign(causes.begin(), causes.end());
  const std::vector<v1::FlagTransition> transitions = state.story.Transitions();
  flag.mutable_transitions()->Assign(transitions.begin(), transitions.end());
  flag.set_advice(config.advice());
  flag.set_revision(state.revision);
  return flag;
}

absl::Status Flags::Check(const v1::ListFlagsRequest& request) const {
  BadRequest bad;
  if (request.parent() != kAllAccounts) {
    const auto account = AccountOfParent(request.parent());
    if (!account.ok()) {
      bad.Add("parent",
              request.parent().empty() ? "is required" : "must look like accounts/{id}, or accounts/- for all");
    }
  }
  bad.AddIfError("page_size", PageSize(request.page_size()).status());
  bad.AddIfError("page_token", ReadPageToken(request.page_token(), ListKey(request)).status());
  for (int i = 0; i < request.rules_size(); ++i) {
    const ReadLock read(portfolio_.lock());
    if (!portfolio_.rules().Find(request.rules(i)).has_value()) {
      bad.Add(absl::StrCat("rules[", i, "]"), "is not a flag rule; ListFlagRules tells them");
    }
  }
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  CheckListFilter(portfolio_, request.filter(), request.min_facts_revision(), bad);
  return bad.ToStatus();
}

absl::StatusOr<v1::ListFlagsResponse> Flags::List(const v1::ListFlagsRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string cursor, ReadPageToken(request.page_token(), ListKey(request)));
  v1::ListFlagsResponse response;
  Selection selection{.now = clock_.Now(), .rules = {}, .row = {}, .rows = {}, .show_cleared = request.show_cleared()};
  const ReadLock read(portfolio_.lock());
  for (const std::string& rule : request.rules()) {
    if (const auto index = portfolio_.rules().Find(rule)) selection.rules.push_back(*index);
  }
  if (request.rules().empty()) {
    for (std::size_t rule = 0; rule < portfolio_.rules().all().size(); ++rule) selection.rules.push_back(rule);
  }
  std::sort(selection.rules.begin(), selection.rules.end());
  selection.rules.erase(std::unique(selection.rules.begin(), selection.rules.end()), selection.rules.end());
  if (request.parent() != kAllAccounts) {
    const absl::string_view account = *AccountOfParent(request.parent());
    selection.row = portfolio_.Find(account);
    if (!selection.row.has_value()) return NoSuchAccounts({std::string(account)});
  }
  if (!request.filter().empty()) {
    const auto filter = filter::Filter::Compile(request.filter(), portfolio_.catalogue());
    BadRequest bad;
    bad.AddIfError("filter", filter.status());
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    selection.rows = filter->EvaluateAll(portfolio_.table(), {.now = clock_.Now()});
    *response.mutable_filter_reading() = filter::ToProto(*filter);
  }
  std::vector<Place> places = Places(portfolio_, selection);
  response.set_total_size(static_cast<std::int64_t>(places.size()));
  const auto most = static_cast<std::size_t>(page_size);
  PERENNIAL_RETURN_IF_ERROR(KeepAfter(cursor, most, places));
  for (std::size_t i = 0; i < std::min(most, places.size()); ++i) {
    *response.add_flags() = ToFlag(portfolio_, places[i].row, places[i].rule_index, *places[i].state, selection.now);
  }
  if (places.size() > most)
    response.set_next_page_token(MakePageToken(ToCursor(places[most - 1]), ListKey(request)));
  return response;
}

std::optional<v1::Flag> Flags::Present(absl::string_view account, absl::string_view rule_id) const {
  const ReadLock read(portfolio_.lock());
  const auto row = portfolio_.Find(account);
  const auto rule = portfolio_.rules().Find(rule_id);
  if (!row.has_value() || !rule.has_value()) return std::nullopt;
  const auto& flags = portfolio_.flags(*rule);
  const auto found = flags.find(*row);
  if (found == flags.end()) return std::nullopt;
  return ToFlag(portfolio_, *row, *rule, found->second, clock_.Now());
}

absl::StatusOr<v1::Flag> Flags::Handle(const Handling& handling) {
  const auto name = ChildOf(handling.name, "accounts", "flags");
  BadRequest bad;
  bad.AddIfError("name", name.status());
  CheckAuthorship({.author = handling.step.actor, .note = handling.step.note}, "actor", bad);
  std::optional<absl::Time> until;
  if (handling.step.state == v1::FLAG_STATE_SNOOZED) {
    CheckEnd(handling.until, clock_.Now(), "until", bad);
    if (handling.until != nullptr) until = absl::FromUnixMicros(absl::ToUnixMicros(ToTime(*handling.until)));
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  if (const auto before = Present(name->parent, name->child); before.has_value()) NoteOldValue(*before);
  PERENNIAL_RETURN_IF_ERROR(assessor_.HandleFlag(name->parent, name->child, handling.step, until));
  auto flag = Present(name->parent, name->child);
  if (flag.has_value()) return *std::move(flag);
  return WithReason(absl::NotFoundError(absl::StrCat(handling.name, " is gone")), "NO_SUCH_FLAG");
}

absl::StatusOr<v1::AcknowledgeFlagResponse> Flags::Acknowledge(const v1::AcknowledgeFlagRequest& request) {
  v1::AcknowledgeFlagResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(
      *response.mutable_flag(),
      Handle({.name = request.name(), .step = StepOf(v1::FLAG_STATE_ACKNOWLEDGED, request.actor(), request.note())}));
  return response;
}

absl::StatusOr<v1::SnoozeFlagResponse> Flags::Snooze(const v1::SnoozeFlagRequest& request) {
  v1::SnoozeFlagResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_flag(),
                             Handle({.name = request.name(),
                                     .step = StepOf(v1::FLAG_STATE_SNOOZED, request.actor(), request.note()),
                                     .until = request.has_until() ? &request.until() : nullptr}));
  return response;
}

absl::StatusOr<v1::ResolveFlagResponse> Flags::Resolve(const v1::ResolveFlagRequest& request) {
  v1::ResolveFlagResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(
      *response.mutable_flag(),
      Handle({.name = request.name(), .step = StepOf(v1::FLAG_STATE_RESOLVED, request.actor(), request.note())}));
  return response;
}

}  // namespace perennial::health
