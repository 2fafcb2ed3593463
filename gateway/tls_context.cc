#include "gateway/tls_context.h"

#include <exception>

#include "common/base/log.h"

namespace perennial::gateway {

std::shared_ptr<boost::asio::ssl::context> TlsContext::context() {
  const auto identity = tls_->identity();
  const MutexLock lock(mu_);
  if (identity == made_of_) return context_;
  try {
    context_ = make_(*identity);
  } catch (const std::exception& error) {  // what came before stays in use, as with gRPC
    Log(LogLevel::kError, "a certificate is not taken", {{"status", error.what()}});
  }
  made_of_ = identity;
  return context_;
}

}  // namespace perennial::gateway
