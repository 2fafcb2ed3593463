#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "accounts-svc/model.h"
#include "perennial/accounts/v1/account.pb.h"
#include "perennial/accounts/v1/record.pb.h"

namespace perennial::accounts {

// Client fields of an account to and from its message. Field checks are the rules' business; here every message is taken.
void StateToProto(const AccountState& state, perennial::accounts::v1::Account* out);
AccountState StateFromProto(const perennial::accounts::v1::Account& account);

// The same as bytes in the store.
std::string EncodeState(const AccountState& state);
absl::StatusOr<AccountState> DecodeState(absl::string_view bytes);

// A stored goal as it stood in one of its versions.
absl::StatusOr<Goal> DecodeGoal(absl::string_view id, absl::string_view payload);

// Adds a stored record to a history as of a moment: what became known later is left out.
absl::Status AddToHistory(absl::string_view payload, absl::Time as_of, AccountHistory& history);

}  // namespace perennial::accounts
