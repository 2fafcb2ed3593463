#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/error_details.h"
#include "common/base/page_token.h"
#include "health-svc/portfolio.h"

namespace perennial::health {

// The account in "accounts/{account}/healthScore" or "accounts/{account}"; a view into `name`. INVALID_ARGUMENT with a
// sentence that completes "<field> ...".
absl::StatusOr<absl::string_view> AccountOfScoreName(absl::string_view name);

// The account in "accounts/{account}"; a view into `name`.
absl::StatusOr<absl::string_view> AccountOfParent(absl::string_view parent);

// NOT_FOUND that names the accounts, of which there is no `what`.
absl::Status NoSuchAccounts(const std::vector<std::string>& accounts, absl::string_view what = "health score");

// UNAVAILABLE: the facts of an account have not come yet since the start.
absl::Status NotCaughtUp();

// Adds what is wrong with the end of something that a person sets (null: absent): later than `now`, at most 366 days.
void CheckEnd(const google::protobuf::Timestamp* end, absl::Time now, absl::string_view field, BadRequest& bad);

// OK for a revision that can be waited for.
absl::Status CheckFactsRevision(std::int64_t revision);

// Adds what is wrong with a list's filter to `bad`. A fact that is not known counts only once there is nothing to wait
// for, or something else is wrong: the facts that the request waits for may bring it. Takes a ReadLock.
void CheckListFilter(const Portfolio& portfolio, absl::string_view filter, std::int64_t min_facts_revision,
                     BadRequest& bad);

// Adds what is wrong with a request for several, 1 to 1,000, whose names `account_of` reads.
template <class Request, class AccountOf>
void CheckBatch(const Request& request, AccountOf account_of, BadRequest& bad) {
  constexpr int kMostNames = 1000;
  if (request.names().empty()) bad.Add("names", "is required");
  if (request.names_size() > kMostNames) {
    bad.Add("names", absl::StrCat("must be at most ", kMostNames));
  } else {
    for (int i = 0; i < request.names_size(); ++i) {
      bad.AddIfError(absl::StrCat("names[", i, "]"), account_of(request.names(i)).status());
    }
  }
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
}

// Adds what is wrong with a request for a list: `order` is what came of reading its order, `key` seals its page token.
template <class Request>
void CheckList(const Portfolio& portfolio, const Request& request, const absl::Status& order, absl::string_view key,
               BadRequest& bad) {
  bad.AddIfError("page_size", PageSize(request.page_size()).status());
  bad.AddIfError("page_token", ReadPageToken(request.page_token(), key).status());
  bad.AddIfError("order_by", order);
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  CheckListFilter(portfolio, request.filter(), request.min_facts_revision(), bad);
}

}  // namespace perennial::health
