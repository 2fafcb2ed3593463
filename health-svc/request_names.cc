#include "health-svc/request_names.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/time_util.h"
#include "common/filter/filter.h"
#include "health-svc/rules/live_filter.h"

namespace perennial::health {
namespace {

constexpr std::size_t kMostNamed = 20;  // an error's text has little room

}  // namespace

absl::StatusOr<absl::string_view> AccountOfParent(absl::string_view parent) {
  if (parent.empty()) return absl::InvalidArgumentError("is required");
  absl::string_view id = parent;
  if (!absl::ConsumePrefix(&id, "accounts/") || !CheckId(id).ok()) {
    return absl::InvalidArgumentError("must look like accounts/{id}");
  }
  return id;
}

absl::StatusOr<absl::string_view> AccountOfScoreName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  absl::string_view id = name;
  (void)absl::ConsumeSuffix(&id, "/healthScore");
  auto account = AccountOfParent(id);
  if (!account.ok()) return absl::InvalidArgumentError("must look like accounts/{id}/healthScore or accounts/{id}");
  return account;
}

absl::Status NoSuchAccounts(const std::vector<std::string>& accounts, absl::string_view what) {
  const std::size_t named = std::min(accounts.size(), kMostNamed);
  std::string names =
      absl::StrJoin(accounts.begin(), accounts.begin() + static_cast<std::ptrdiff_t>(named), ", ",
                    [](std::string* out, const std::string& id) { absl::StrAppend(out, "accounts/", id); });
  if (named < accounts.size()) absl::StrAppend(&names, " and ", accounts.size() - named, " more");
  return WithReason(absl::NotFoundError(absl::StrCat("no ", what, " of ", names, "; check the ids")),
                    "ACCOUNT_NOT_FOUND");
}

void CheckEnd(const google::protobuf::Timestamp* end, absl::Time now, absl::string_view field, BadRequest& bad) {
  if (end == nullptr) return bad.Add(field, "is required");
  if (!IsValidTimestamp(*end)) return bad.Add(field, "must be a time of the years 1 to 9999");
  if (ToTime(*end) <= now) return bad.Add(field, "must be later than now");
  if (ToTime(*end) > now + absl::Hours(24) * 366) bad.Add(field, "must be within 366 days");
}

absl::Status NotCaughtUp() {
  return WithRetryAfter(
      WithReason(absl::UnavailableError("facts are still being read after a start; try again"), "NOT_CAUGHT_UP"), 200);
}

void CheckListFilter(const Portfolio& portfolio, absl::string_view filter, std::int64_t min_facts_revision,
                     BadRequest& bad) {
  const absl::Status grammar = LiveFilter::CheckText(filter, {});
  if (!grammar.ok()) return bad.AddIfError("filter", grammar);
  const ReadLock read(portfolio.lock());
  if (!bad.empty() || min_facts_revision <= portfolio.facts_revision()) {
    bad.AddIfError("filter", filter::Filter::Compile(filter, portfolio.catalogue()).status());
  }
}

absl::Status CheckFactsRevision(std::int64_t revision) {
  return revision < 0 ? absl::InvalidArgumentError("must not be negative") : absl::OkStatus();
}

}  // namespace perennial::health
