#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/server/tls.h"

namespace perennial::gateway::http {

// How HTTP connections are encrypted: with the certificate of a Tls, which may be replaced while the process runs. Thread-safe.
class HttpTls {
 public:
  explicit HttpTls(std::shared_ptr<Tls> tls) : tls_(std::move(tls)) {}

  // For a connection that begins now; made once for each certificate.
  std::shared_ptr<boost::asio::ssl::context> context();

 private:
  const std::shared_ptr<Tls> tls_;
  Mutex mu_;
  std::shared_ptr<const Tls::Identity> made_of_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<boost::asio::ssl::context> context_ ABSL_GUARDED_BY(mu_);
};

}  // namespace perennial::gateway::http
