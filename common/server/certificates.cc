#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/server/tls.h"

namespace perennial {
namespace {

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* object) const { Free(object); }
};
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Deleter<X509_STORE, X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX, X509_STORE_CTX_free>>;

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;

Bio Over(const std::string& bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

std::vector<Certificate> CertificatesIn(const std::string& pem) {
  std::vector<Certificate> out;
  const Bio bio = Over(pem);
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) out.emplace_back(certificate);
  ERR_clear_error();  // the end of the text counts as an error
  return out;
}

// A key that needs a password is no key: nobody is there to type it.
int NoPassword(char*, int, int, void*) { return 0; }

absl::Time TimeOf(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::Status CheckSigned(const std::vector<Certificate>& chain, const std::string& authority) {
  const std::vector<Certificate> trusted = CertificatesIn(authority);
  if (trusted.empty()) return absl::FailedPreconditionError("the authority's file has no certificate in PEM form");
  const Store store(X509_STORE_new());
  for (const Certificate& certificate : trusted) X509_STORE_add_cert(store.get(), certificate.get());
  STACK_OF(X509)* const others = sk_X509_new_null();
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(others, chain[i].get());
  const StoreContext context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), others);
  const bool good = X509_verify_cert(context.get()) == 1;
  const std::string reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  sk_X509_free(others);
  ERR_clear_error();
  if (good) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the certificate is not signed by the authority: ", reason));
}

}  // namespace

absl::StatusOr<absl::Time> CheckCertificates(const std::string& certificate, const std::string& key,
                                             const std::string& authority) {
  const std::vector<Certificate> chain = CertificatesIn(certificate);
  if (chain.empty()) return absl::FailedPreconditionError("the certificate's file has no certificate in PEM form");
  const Bio bio = Over(key);
  const Key private_key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  ERR_clear_error();
  if (private_key == nullptr) return absl::FailedPreconditionError("the key's file has no private key in PEM form");
  const bool match = X509_check_private_key(chain.front().get(), private_key.get()) == 1;
  ERR_clear_error();
  if (!match) return absl::FailedPreconditionError("the key is not that of the certificate");
  const absl::Time expiry = TimeOf(X509_get0_notAfter(chain.front().get()));
  if (expiry <= absl::Now()) return absl::FailedPreconditionError("the certificate has expired");
  if (TimeOf(X509_get0_notBefore(chain.front().get())) > absl::Now()) {
    return absl::FailedPreconditionError("the certificate is not in force yet");
  }
  if (!authority.empty()) {
    const absl::Status status = CheckSigned(chain, authority);
    if (!status.ok()) return status;
  }
  return expiry;
}

}  // namespace perennial
