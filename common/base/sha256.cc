#include "common/base/sha256.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"

namespace perennial {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

Sha256& Sha256::Add(absl::string_view bytes) {
  EVP_DigestUpdate(context_, bytes.data(), bytes.size());
  return *this;
}

std::string Sha256::Digest() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_, digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

std::string Sha256::HexDigest() { return absl::BytesToHexString(Digest()); }

}  // namespace perennial
