#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"

struct evp_pkey_st;

namespace perennial::gateway::testing {

// An issuer of JSON Web Tokens with one key, for tests.
class TokenMaker {
 public:
  enum class Kind { kRsa, kSmallRsa, kEc, kEd };
  TokenMaker(Kind kind, std::string id);
  ~TokenMaker();
  TokenMaker(const TokenMaker&) = delete;
  TokenMaker& operator=(const TokenMaker&) = delete;

  // The public key as a JSON Web Key.
  [[nodiscard]] nlohmann::json PublicKey() const;
  // {"keys": [the public key]}
  [[nodiscard]] std::string KeySet() const { return nlohmann::json{{"keys", {PublicKey()}}}.dump(); }
  // "alg" and "kid" of this key; what `header` has wins.
  [[nodiscard]] std::string Sign(const nlohmann::json& claims, const nlohmann::json& header = nlohmann::json::object()) const;
  [[nodiscard]] const char* algorithm() const;

 private:
  const Kind kind_;
  const std::string id_;
  evp_pkey_st* key_;
};

std::string Base64Url(absl::string_view bytes);

}  // namespace perennial::gateway::testing
