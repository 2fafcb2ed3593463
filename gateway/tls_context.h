#pragma once

#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/server/tls.h"

namespace perennial::gateway {

// What connections that are not gRPC's own are encrypted with: the certificate of a Tls, which may be replaced while the process runs.
// Thread-safe.
class TlsContext {
 public:
  // Makes a context of a certificate; throws where that does not do.
  using Make = std::function<std::shared_ptr<boost::asio::ssl::context>(const Tls::Identity&)>;

  TlsContext(std::shared_ptr<Tls> tls, Make make) : tls_(std::move(tls)), make_(std::move(make)) {}

  // For a connection that begins now; made once for each certificate. One that does not do never replaces what came before; null when
  // nothing did.
  std::shared_ptr<boost::asio::ssl::context> context();

 private:
  const std::shared_ptr<Tls> tls_;
  const Make make_;
  Mutex mu_;
  std::shared_ptr<const Tls::Identity> made_of_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<boost::asio::ssl::context> context_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::gateway
