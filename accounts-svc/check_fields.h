#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/model.h"
#include "common/base/error_details.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/account.pb.h"
#include "perennial/accounts/v1/subscription.pb.h"

namespace perennial::accounts {

// Checks of client fields, each adding what is wrong under its name with `prefix` before it ("account.", "records[3].").

// All client fields of an account. `id` is its own id, or empty while it is not known.
void CheckAccountFields(const perennial::accounts::v1::Account& account, absl::string_view id, absl::string_view prefix,
                        const FactNumbering& numbering, BadRequest& bad);

// All client fields of a subscription. A currency other than `currency`, the reporting one, needs a rate too: CheckRated.
void CheckSubscriptionFields(const perennial::accounts::v1::Subscription& subscription, absl::string_view prefix,
                             absl::string_view currency, BadRequest& bad);

// A text of `least` to `most` bytes without control characters other than tab and line ends.
void CheckText(absl::string_view field, absl::string_view text, std::size_t least, std::size_t most, BadRequest& bad);

// A time that protobuf allows and that is not after `latest`; adds "is required" when it is absent and `required`.
void CheckTime(absl::string_view field, bool present, const google::protobuf::Timestamp& time, bool required,
               absl::Time latest, BadRequest& bad);

// The moment that a request asks for with `as_of`, now when it does not; adds what is wrong with it: no time, or one in the future.
template <class Request>
absl::Time ReadAsOf(const Request& request, absl::Time now, BadRequest& bad) {
  CheckTime("as_of", request.has_as_of(), request.as_of(), false, now, bad);
  return request.has_as_of() ? ToTime(request.as_of()) : now;
}

// Registers the attributes' facts. INVALID_ARGUMENT, with `prefix` before the fields, when one got another type meanwhile or
// is one too many.
absl::Status RegisterAttributes(const AccountState& state, absl::string_view prefix, FactNumbering& numbering);

// A time as the store keeps it, in whole microseconds, so that what is sent again compares equal.
absl::Time StoredTime(const google::protobuf::Timestamp& time);

// Fields of a subscription that was checked; `currency` is the reporting currency.
SubscriptionState SubscriptionStateFromProto(const perennial::accounts::v1::Subscription& subscription,
                                             absl::string_view currency);

// Etag of a version of a resource, with its quotes.
std::string EtagOf(std::int64_t version);

// ABORTED when `etag` is given and is not that of `version`.
absl::Status CheckEtag(absl::string_view etag, std::int64_t version, absl::string_view what);

}  // namespace perennial::accounts
