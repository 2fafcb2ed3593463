#include "gateway/http/http_tls.h"

#include <boost/asio/buffer.hpp>

namespace perennial::gateway::http {

namespace ssl = boost::asio::ssl;

std::shared_ptr<ssl::context> ContextForHttp(const Tls::Identity& identity) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use);
  context->use_certificate_chain(boost::asio::buffer(identity.certificate));
  context->use_private_key(boost::asio::buffer(identity.key), ssl::context::pem);
  return context;
}

}  // namespace perennial::gateway::http
