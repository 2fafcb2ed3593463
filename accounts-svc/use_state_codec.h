#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "accounts-svc/warm_accounts.h"

namespace perennial::accounts {

// What is stored of a WarmAccount beside its facts, so that they can follow more use although memory has forgotten it, or
// another process wrote them. `rules_revision` is that of the rules of the lifecycle that were in force. Empty when it would be
// greater than kMostUseStateBytes: an account with that many users is read from its history.
std::string EncodeUseState(const WarmAccount& account, std::int64_t rules_revision);

// Fills `as_of`, `next_change`, `usage` and `context`. False when the bytes are not such a state, or one of other rules.
[[nodiscard]] bool DecodeUseState(absl::string_view bytes, std::int64_t rules_revision, WarmAccount& account);

constexpr std::size_t kMostUseStateBytes = 2048;

}  // namespace perennial::accounts
