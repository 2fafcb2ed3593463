#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_pkey_st;

namespace perennial::gateway {

// Public keys that tokens are signed with, from a JWKS (RFC 7517): RSA of at least 2,048 bits (RS256), EC on P-256 (ES256) and
// OKP on Ed25519 (EdDSA). Constant once parsed.
class KeySet {
 public:
  // INVALID_ARGUMENT when it is no JWKS, has a secret in it (a private or symmetric key) or no key that can be used. Keys of
  // other kinds, and for encryption, are left out.
  static absl::StatusOr<KeySet> Parse(absl::string_view json);

  // Whether `signature` over `content` is that of the key with this id, made by `algorithm`, which must be the one of the key.
  // Without an id the set must have a single key.
  [[nodiscard]] bool Verify(absl::string_view algorithm, absl::string_view key_id, absl::string_view content,
                            absl::string_view signature) const;
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::string id;
    std::string algorithm;
    std::shared_ptr<evp_pkey_st> key;
  };
  std::vector<Key> keys_;
};

// Decodes base64url without padding; false for anything else.
bool DecodeBase64Url(absl::string_view text, std::string& bytes);

}  // namespace perennial::gateway
