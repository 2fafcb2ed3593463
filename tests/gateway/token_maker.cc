#include "tests/gateway/token_maker.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace perennial::gateway::testing {
namespace {

std::string NumberOf(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
  BN_free(number);
  return bytes;
}

// Two numbers of 32 bytes instead of DER.
std::string ToRaw(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + 32, 32);
  ECDSA_SIG_free(pair);
  return raw;
}

EVP_PKEY* MakeKey(TokenMaker::Kind kind) {
  switch (kind) {
    case TokenMaker::Kind::kRsa: return EVP_RSA_gen(2048);
    case TokenMaker::Kind::kSmallRsa: return EVP_RSA_gen(1024);
    case TokenMaker::Kind::kEc: return EVP_EC_gen("P-256");
    case TokenMaker::Kind::kEd: return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

}  // namespace

std::string Base64Url(absl::string_view bytes) { return absl::WebSafeBase64Escape(bytes); }

TokenMaker::TokenMaker(Kind kind, std::string id) : kind_(kind), id_(std::move(id)), key_(MakeKey(kind)) {}
TokenMaker::~TokenMaker() { EVP_PKEY_free(key_); }

const char* TokenMaker::algorithm() const {
  return kind_ == Kind::kEc ? "ES256" : kind_ == Kind::kEd ? "EdDSA" : "RS256";
}

nlohmann::json TokenMaker::PublicKey() const {
  nlohmann::json jwk = {{"kid", id_}, {"use", "sig"}, {"alg", algorithm()}};
  unsigned char bytes[80];
  std::size_t size = sizeof(bytes);
  switch (kind_) {
    case Kind::kRsa:
    case Kind::kSmallRsa:
      jwk["kty"] = "RSA";
      jwk["n"] = Base64Url(NumberOf(key_, OSSL_PKEY_PARAM_RSA_N));
      jwk["e"] = Base64Url(NumberOf(key_, OSSL_PKEY_PARAM_RSA_E));
      break;
    case Kind::kEc: {
      EVP_PKEY_get_octet_string_param(key_, OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes), &size);
      const absl::string_view point(reinterpret_cast<char*>(bytes), size);
      jwk["kty"] = "EC";
      jwk["crv"] = "P-256";
      jwk["x"] = Base64Url(point.substr(1, 32));
      jwk["y"] = Base64Url(point.substr(33, 32));
      break;
    }
    case Kind::kEd:
      EVP_PKEY_get_raw_public_key(key_, bytes, &size);
      jwk["kty"] = "OKP";
      jwk["crv"] = "Ed25519";
      jwk["x"] = Base64Url(absl::string_view(reinterpret_cast<char*>(bytes), size));
      break;
  }
  return jwk;
}

std::string TokenMaker::Sign(const nlohmann::json& claims, const nlohmann::json& header) const {
  nlohmann::json whole = {{"alg", algorithm()}, {"kid", id_}, {"typ", "JWT"}};
  whole.update(header);
  const std::string content = absl::StrCat(Base64Url(whole.dump()), ".", Base64Url(claims.dump()));
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, kind_ == Kind::kEd ? nullptr : EVP_sha256(), nullptr, key_);
  const auto* bytes = reinterpret_cast<const unsigned char*>(content.data());
  std::size_t size = 0;
  EVP_DigestSign(context, nullptr, &size, bytes, content.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, content.size());
  signature.resize(size);
  EVP_MD_CTX_free(context);
  return absl::StrCat(content, ".", Base64Url(kind_ == Kind::kEc ? ToRaw(signature) : signature));
}

}  // namespace perennial::gateway::testing
