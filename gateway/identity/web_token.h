#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/identity/caller.h"
#include "gateway/identity/key_set.h"

namespace perennial::gateway {

// What JSON Web Tokens must say to be taken.
struct WebTokenRules {
  // "iss". Required.
  std::string issuer;
  // One of "aud". Required.
  std::string audience;
  // Claim that says the role, as a text or as an array of texts, of which the highest role counts.
  std::string role_claim = "role";
};

// Largest token that is looked at, in bytes.
constexpr std::size_t kLargestWebToken = 8 << 10;
// How far the clock of whoever signs may be off.
constexpr absl::Duration kClockSkew = absl::Seconds(60);

struct VerifiedToken {
  Caller caller;
  absl::Time expiry;
};

// Who a token (RFC 7519, signed as RFC 7515 has it) says to be: its "sub". A caller without a role that exists may do nothing.
// UNAUTHENTICATED without saying what is wrong with it: who forges tokens learns nothing.
absl::StatusOr<VerifiedToken> VerifyWebToken(absl::string_view token, const KeySet& keys, const WebTokenRules& rules,
                                             absl::Time now);

}  // namespace perennial::gateway
