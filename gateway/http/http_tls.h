#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "common/server/tls.h"

namespace perennial::gateway::http {

// What HTTP connections are encrypted with (TLS 1.2 and later). Throws where the certificate does not do.
std::shared_ptr<boost::asio::ssl::context> ContextForHttp(const Tls::Identity& identity);

}  // namespace perennial::gateway::http
