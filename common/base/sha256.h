#pragma once

#include <string>

#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace perennial {

// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  Sha256& Add(absl::string_view bytes);
  // The 32 bytes of the digest. Ends it: nothing may be called after.
  std::string Digest();
  // The digest as 64 lower-case hexadecimal digits. Ends it as well.
  std::string HexDigest();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace perennial
