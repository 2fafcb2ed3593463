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
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/filter/filter.h"
#include "common/filter/filter_reading.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

constexpr absl::string_view kAllAccounts = "accounts/-";

std::string RequestKey(const v1::ListFlagsRequest& request) {
  return absl::StrCat("ListFlags\n", request.parent(), "\n", request.filter(), "\n", request.show_cleared(), "\n",
                      absl::StrJoin(request.rules(), ","));
}

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

v1::Flag ToProto(const Place& place, const CompiledFlagRule& rule) {
  v1::Flag flag;
  flag.set_name(absl::StrCat("accounts/", place.account, "/flags/", rule.config.id()));
  flag.set_rule(rule.config.id());
  flag.set_display_name(rule.config.display_name());
  flag.set_severity(rule.config.severity());
  flag.set_category(rule.config.category());
  const FlagStanding& standing = place.state->standing;
  flag.set_state(standing.open ? v1::FLAG_STATE_OPEN : v1::FLAG_STATE_CLEARED);
  if (standing.raised.has_value()) SetTimestamp(*standing.raised, flag.mutable_raise_time());
  if (standing.cleared.has_value()) SetTimestamp(*standing.cleared, flag.mutable_clear_time());
  flag.mutable_causes()->Assign(place.state->causes.begin(), place.state->causes.end());
  flag.set_advice(rule.config.advice());
  return flag;
}

// Which flags a request asks for.
struct Selection {
  std::vector<std::size_t> rules;
  std::optional<facts::RowId> row;  // of one account
  std::optional<facts::Bitmap> rows;
  bool show_cleared = false;

  [[nodiscard]] bool Has(facts::RowId at, const FlagStanding& standing) const {
    if (!standing.raised.has_value() || (!standing.open && !show_cleared)) return false;
    if (row.has_value() && *row != at) return false;
    return !rows.has_value() || rows->Test(at);
  }
};

std::vector<Place> Places(const Portfolio& portfolio, const Selection& selection) {
  std::vector<Place> places;
  const auto add = [&](std::size_t rule, facts::RowId row, const FlagState& state) {
    if (!selection.Has(row, state.standing)) return;
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

}  // namespace

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
  bad.AddIfError("page_token", ReadPageToken(request.page_token(), RequestKey(request)).status());
  for (int i = 0; i < request.rules_size(); ++i) {
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
  PERENNIAL_ASSIGN_OR_RETURN(const std::string cursor, ReadPageToken(request.page_token(), RequestKey(request)));
  v1::ListFlagsResponse response;
  Selection selection{.rules = {}, .row = {}, .rows = {}, .show_cleared = request.show_cleared()};
  const ReadLock read(portfolio_.lock());
  for (const std::string& rule : request.rules()) selection.rules.push_back(*portfolio_.rules().Find(rule));
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
    *response.add_flags() = ToProto(places[i], portfolio_.rules().all()[places[i].rule_index]);
  }
  if (places.size() > most)
    response.set_next_page_token(MakePageToken(ToCursor(places[most - 1]), RequestKey(request)));
  return response;
}

absl::StatusOr<v1::ListFlagRulesResponse> Flags::ListRules(const v1::ListFlagRulesRequest& request) const {
  constexpr absl::string_view kKey = "ListFlagRules";
  const auto page_size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), kKey);
  BadRequest bad;
  bad.AddIfError("page_size", page_size.status());
  bad.AddIfError("page_token", cursor.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListFlagRulesResponse response;
  const ReadLock read(portfolio_.lock());
  for (const CompiledFlagRule& rule : portfolio_.rules().all()) {
    if (rule.config.id() <= *cursor) continue;
    if (response.rules_size() == *page_size) {
      response.set_next_page_token(MakePageToken(response.rules(*page_size - 1).id(), kKey));
      break;
    }
    *response.add_rules() = rule.config;
  }
  return response;
}

}  // namespace perennial::health
