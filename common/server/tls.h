#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace perennial {

// The certificate of a process, and whom it trusts. Both are read from files again when these change, without a restart:
// new connections use what is new. What does not fit together is refused, and what was there before stays in use; gRPC's own
// watcher of files would fail every new connection then.
class Tls {
 public:
  // Names of PEM files.
  struct Files {
    std::string certificate;  // with the intermediate ones after it
    std::string key;
    // Certificates that others must be signed by. Empty for a server that asks its clients for none.
    std::string authority;
  };
  // Reads and checks the files. FAILED_PRECONDITION with a sentence that names the file.
  static absl::StatusOr<std::shared_ptr<Tls>> Load(const Files& files,
                                                   std::chrono::milliseconds interval = std::chrono::seconds(1));
  virtual ~Tls() = default;

  // For a server: with an authority, its clients must have a certificate signed by it.
  [[nodiscard]] virtual std::shared_ptr<grpc::ServerCredentials> ForServer() const = 0;
  // For a channel: the server must have a certificate that is signed by the authority and names it.
  [[nodiscard]] virtual std::shared_ptr<grpc::ChannelCredentials> ForChannel() const = 0;
  // For a process that looks at itself: takes any certificate.
  [[nodiscard]] virtual std::shared_ptr<grpc::ChannelCredentials> ForSelf() const = 0;

  // What is in use, as PEM, for servers and clients that are not gRPC's.
  struct Identity {
    std::string certificate;
    std::string key;
    std::string authority;  // empty without one
  };
  // Another object after each change that was taken.
  [[nodiscard]] virtual std::shared_ptr<const Identity> identity() const = 0;

  // When the certificate in use expires.
  [[nodiscard]] virtual absl::Time expiry() const = 0;
  // How often changed files were taken, and refused.
  [[nodiscard]] virtual std::int64_t taken() const = 0;
  [[nodiscard]] virtual std::int64_t refused() const = 0;
};

// Whether these fit together: the key is that of the first certificate, which is in force now and, where `authority` is not
// empty, is signed by it. Gives the time at which it expires.
absl::StatusOr<absl::Time> CheckCertificates(const std::string& certificate, const std::string& key,
                                             const std::string& authority);

}  // namespace perennial
