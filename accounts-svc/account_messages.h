#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "accounts-svc/model.h"
#include "accounts-svc/store/store.h"
#include "perennial/accounts/v1/account.pb.h"
#include "perennial/accounts/v1/subscription.pb.h"

namespace perennial::accounts {

// An account as clients see it: with its present phase and the revision of its facts, which are read in `transaction`.
absl::StatusOr<perennial::accounts::v1::Account> ToProto(const AccountRecord& account, ReadTransaction& transaction);

// A subscription in its own currency; `currency` is the reporting currency.
perennial::accounts::v1::Subscription ToProto(absl::string_view account_id, const SubscriptionRecord& subscription,
                                              absl::string_view currency);

perennial::accounts::v1::PhaseChange ToProto(const PhaseChange& change);

perennial::accounts::v1::LifecyclePhase ToProto(Phase phase);

// Money as messages carry it.
perennial::type::v1::Money ToMoney(Micros micros, absl::string_view currency);

// NOT_FOUND with a message that names the resource.
absl::Status NoSuch(absl::string_view name);

// The account, live. NOT_FOUND when it is absent or deleted.
absl::StatusOr<AccountRecord> LiveAccount(ReadTransaction& transaction, absl::string_view id);

// The account, also when it is deleted. NOT_FOUND when it is absent.
absl::StatusOr<AccountRecord> KnownAccount(ReadTransaction& transaction, absl::string_view id);

}  // namespace perennial::accounts
