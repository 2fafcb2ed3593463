#include "gateway/identity/web_token.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_split.h"

namespace perennial::gateway {
namespace {

using Json = nlohmann::json;

absl::Status Refused() { return absl::UnauthenticatedError("the token is not taken"); }

Json Decoded(absl::string_view part) {
  std::string text;
  if (!DecodeBase64Url(part, text)) return {};
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

// A time in seconds since 1970; nothing when the claim is absent, and an impossible one when it is no number.
std::optional<absl::Time> TimeOf(const Json& claims, const char* name, absl::Time impossible) {
  const auto claim = claims.find(name);
  if (claim == claims.end()) return std::nullopt;
  if (!claim->is_number()) return impossible;
  const double seconds = claim->get<double>();
  if (!(seconds >= 0 && seconds < 1e11)) return impossible;
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

std::string TextOf(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || !field->is_string() ? std::string() : field->get<std::string>();
}

bool IsOrHas(const Json& claim, const std::string& wanted) {
  if (claim.is_string()) return claim.get<std::string>() == wanted;
  return claim.is_array() && std::any_of(claim.begin(), claim.end(), [&](const Json& one) {
           return one.is_string() && one.get<std::string>() == wanted;
         });
}

Role HighestRole(const Json& claim) {
  for (const Role role : {Role::kOperator, Role::kEditor, Role::kViewer}) {
    if (IsOrHas(claim, std::string(NameOf(role)))) return role;
  }
  return Role::kNone;
}

}  // namespace

absl::StatusOr<VerifiedToken> VerifyWebToken(absl::string_view token, const KeySet& keys, const WebTokenRules& rules,
                                             absl::Time now) {
  if (token.size() > kLargestWebToken) return Refused();
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  if (parts.size() != 3) return Refused();
  const Json header = Decoded(parts[0]);
  std::string signature;
  // A token that wants something understood that is not understood here must be refused (RFC 7515, "crit").
  if (!header.is_object() || header.contains("crit") || !DecodeBase64Url(parts[2], signature)) return Refused();
  const absl::string_view content = token.substr(0, parts[0].size() + 1 + parts[1].size());
  if (!keys.Verify(TextOf(header, "alg"), TextOf(header, "kid"), content, signature)) return Refused();

  const Json claims = Decoded(parts[1]);
  if (!claims.is_object() || TextOf(claims, "iss") != rules.issuer || !claims.contains("aud") ||
      !IsOrHas(claims["aud"], rules.audience)) {
    return Refused();
  }
  const auto expiry = TimeOf(claims, "exp", absl::InfinitePast());
  const auto not_before = TimeOf(claims, "nbf", absl::InfiniteFuture());
  const auto issued = TimeOf(claims, "iat", absl::InfiniteFuture());
  if (!expiry.has_value() || *expiry + kClockSkew <= now || not_before.value_or(now) > now + kClockSkew ||
      issued.value_or(now) > now + kClockSkew) {
    return Refused();
  }
  VerifiedToken verified{.caller = {.name = TextOf(claims, "sub"), .role = Role::kNone}, .expiry = *expiry + kClockSkew};
  if (!IsCallerName(verified.caller.name)) return Refused();
  const auto role = claims.find(rules.role_claim);
  if (role != claims.end()) verified.caller.role = HighestRole(*role);
  return verified;
}

}  // namespace perennial::gateway
