#include "gateway/http/http_tls.h"

#include <boost/asio/buffer.hpp>
#include <exception>

#include "common/base/log.h"

namespace perennial::gateway::http {
namespace {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> ContextWith(const Tls::Identity& identity) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use);
  context->use_certificate_chain(boost::asio::buffer(identity.certificate));
  context->use_private_key(boost::asio::buffer(identity.key), ssl::context::pem);
  return context;
}

}  // namespace

std::shared_ptr<ssl::context> HttpTls::context() {
  const auto identity = tls_->identity();
  const MutexLock lock(mu_);
  if (identity == made_of_) return context_;
  try {
    context_ = ContextWith(*identity);
  } catch (const std::exception& error) {  // what came before stays in use, as with gRPC
    Log(LogLevel::kError, "HTTP keeps its certificate", {{"status", error.what()}});
  }
  made_of_ = identity;
  return context_;
}

}  // namespace perennial::gateway::http
