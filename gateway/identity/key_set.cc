#include "gateway/identity/key_set.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace perennial::gateway {
namespace {

using Json = nlohmann::json;
using PublicKey = std::shared_ptr<EVP_PKEY>;

constexpr int kFewestRsaBits = 2048;
constexpr std::size_t kCoordinateBytes = 32;  // of P-256
constexpr std::size_t kMostKeys = 100;

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Parameters = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using BuiltParameters = std::unique_ptr<OSSL_PARAM, Deleter<OSSL_PARAM, OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BIGNUM, BN_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX, EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG, ECDSA_SIG_free>>;

const unsigned char* Bytes(absl::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Number ToNumber(absl::string_view bytes) {
  return Number(BN_bin2bn(Bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::string TextOf(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || !field->is_string() ? std::string() : field->get<std::string>();
}

std::string BytesOf(const Json& object, const char* name) {
  std::string bytes;
  return DecodeBase64Url(TextOf(object, name), bytes) ? bytes : std::string();
}

PublicKey FromParameters(const char* type, OSSL_PARAM_BLD* parameters) {
  const BuiltParameters built(OSSL_PARAM_BLD_to_param(parameters));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (built == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, built.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return PublicKey(key, EVP_PKEY_free);
}

PublicKey RsaKey(const Json& jwk) {
  const std::string modulus = BytesOf(jwk, "n");
  const std::string exponent = BytesOf(jwk, "e");
  if (modulus.empty() || exponent.empty()) return nullptr;
  const Number n = ToNumber(modulus);
  const Number e = ToNumber(exponent);
  const Parameters parameters(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(parameters.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(parameters.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  PublicKey key = FromParameters("RSA", parameters.get());
  return key == nullptr || EVP_PKEY_get_bits(key.get()) < kFewestRsaBits ? nullptr : key;
}

PublicKey EcKey(const Json& jwk) {
  const std::string x = BytesOf(jwk, "x");
  const std::string y = BytesOf(jwk, "y");
  if (TextOf(jwk, "crv") != "P-256" || x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) return nullptr;
  const std::string point = absl::StrCat("\x04", x, y);
  const Parameters parameters(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(parameters.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(parameters.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return FromParameters("EC", parameters.get());
}

PublicKey EdKey(const Json& jwk) {
  const std::string x = BytesOf(jwk, "x");
  if (TextOf(jwk, "crv") != "Ed25519") return nullptr;
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x), x.size());
  ERR_clear_error();
  return key == nullptr ? nullptr : PublicKey(key, EVP_PKEY_free);
}

// The signature of ES256 is two numbers one after the other; OpenSSL wants them in DER.
std::string ToDer(absl::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return {};
  const Signature pair(ECDSA_SIG_new());
  Number r = ToNumber(signature.substr(0, kCoordinateBytes));
  Number s = ToNumber(signature.substr(kCoordinateBytes));
  if (ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  r.release();  // belong to the pair now
  s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace

bool DecodeBase64Url(absl::string_view text, std::string& bytes) {
  // The decoder of Abseil takes padding and white space too.
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
  }
  return absl::WebSafeBase64Unescape(text, &bytes);
}

absl::StatusOr<KeySet> KeySet::Parse(absl::string_view json) {
  const Json document = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("keys") || !document["keys"].is_array()) {
    return absl::InvalidArgumentError("is no JSON Web Key Set: an object with an array \"keys\"");
  }
  KeySet set;
  for (const Json& jwk : document["keys"]) {
    if (!jwk.is_object()) return absl::InvalidArgumentError("has a key that is no object");
    if (jwk.contains("d") || jwk.contains("k")) {
      return absl::InvalidArgumentError("has a secret key in it: only public keys belong there");
    }
    if (jwk.contains("use") && TextOf(jwk, "use") != "sig") continue;
    const std::string type = TextOf(jwk, "kty");
    Key key{.id = TextOf(jwk, "kid"), .algorithm = {}, .key = nullptr};
    if (type == "RSA") {
      key.algorithm = "RS256";
      key.key = RsaKey(jwk);
    } else if (type == "EC") {
      key.algorithm = "ES256";
      key.key = EcKey(jwk);
    } else if (type == "OKP") {
      key.algorithm = "EdDSA";
      key.key = EdKey(jwk);
    }
    if (key.key == nullptr || (jwk.contains("alg") && TextOf(jwk, "alg") != key.algorithm)) continue;
    for (const Key& other : set.keys_) {
      if (other.id == key.id) return absl::InvalidArgumentError("has two keys with the same \"kid\"");
    }
    set.keys_.push_back(std::move(key));
  }
  if (set.keys_.empty()) {
    return absl::InvalidArgumentError("has no key that can be used: RSA of 2,048 bits or more, EC on P-256 or OKP on Ed25519");
  }
  if (set.keys_.size() > kMostKeys) return absl::InvalidArgumentError(absl::StrCat("has more than ", kMostKeys, " keys"));
  return set;
}

bool KeySet::Verify(absl::string_view algorithm, absl::string_view key_id, absl::string_view content,
                    absl::string_view signature) const {
  const Key* key = nullptr;
  for (const Key& candidate : keys_) {
    if (key_id.empty() ? keys_.size() == 1 : candidate.id == key_id) key = &candidate;
  }
  // The key says how it signs; what the token says must only agree.
  if (key == nullptr || key->algorithm != algorithm) return false;
  std::string der;
  if (algorithm == "ES256") {
    der = ToDer(signature);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* const digest = algorithm == "EdDSA" ? nullptr : EVP_sha256();
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key->key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(signature), signature.size(), Bytes(content),
                                     content.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace perennial::gateway
