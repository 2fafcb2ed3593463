#include "gateway/http2/transport.h"

#include <openssl/ssl.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

namespace perennial::gateway::http2 {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

// Names of protocols as TLS has them: each with its length before it.
constexpr unsigned char kHttp2[] = {2, 'h', '2'};

class ClearTransport final : public Transport {
 public:
  explicit ClearTransport(Socket socket) : socket_(std::move(socket)) {}

  void Handshake(std::function<void(Error)> done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
  }
  void Read(asio::mutable_buffer into, std::function<void(Error, std::size_t)> done) override {
    socket_.async_read_some(into, std::move(done));
  }
  void Write(asio::const_buffer bytes, std::function<void(Error, std::size_t)> done) override {
    asio::async_write(socket_, bytes, std::move(done));
  }
  void Close() override {
    Error ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(Socket socket, std::shared_ptr<ssl::context> context, ssl::stream_base::handshake_type side)
      : context_(std::move(context)), side_(side), stream_(std::move(socket), *context_) {}

  ssl::stream<Socket>& stream() { return stream_; }

  void Handshake(std::function<void(Error)> done) override {
    stream_.async_handshake(side_, [this, done = std::move(done)](Error error) {
      if (!error && !AgreedOnHttp2()) error = asio::error::no_protocol_option;
      done(error);
    });
  }
  void Read(asio::mutable_buffer into, std::function<void(Error, std::size_t)> done) override {
    stream_.async_read_some(into, std::move(done));
  }
  void Write(asio::const_buffer bytes, std::function<void(Error, std::size_t)> done) override {
    asio::async_write(stream_, bytes, std::move(done));
  }
  void Close() override {
    Error ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  bool AgreedOnHttp2() {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(stream_.native_handle(), &name, &size);
    return size == kHttp2[0] && std::memcmp(name, kHttp2 + 1, size) == 0;
  }

  const std::shared_ptr<ssl::context> context_;  // certificates may be others meanwhile
  const ssl::stream_base::handshake_type side_;
  ssl::stream<Socket> stream_;
};

int ChooseHttp2(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered, unsigned size,
                void*) {
  unsigned char* found = nullptr;
  const int agreed = SSL_select_next_proto(&found, chosen_size, kHttp2, sizeof(kHttp2), offered, size);
  *chosen = found;
  return agreed == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::shared_ptr<ssl::context> ContextOf(ssl::context::method method, const std::string& certificate, const std::string& key,
                                        const std::string& authority) {
  auto context = std::make_shared<ssl::context>(method);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                       ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::no_compression |
                       ssl::context::single_dh_use);
  context->use_certificate_chain(asio::buffer(certificate));
  context->use_private_key(asio::buffer(key), ssl::context::pem);
  if (!authority.empty()) context->add_certificate_authority(asio::buffer(authority));
  return context;
}

}  // namespace

std::unique_ptr<Transport> InClear(Transport::Socket socket) { return std::make_unique<ClearTransport>(std::move(socket)); }

std::unique_ptr<Transport> EncryptedForServer(Transport::Socket socket, std::shared_ptr<ssl::context> context) {
  return std::make_unique<TlsTransport>(std::move(socket), std::move(context), ssl::stream_base::server);
}

std::unique_ptr<Transport> EncryptedForClient(Transport::Socket socket, std::shared_ptr<ssl::context> context,
                                              const std::string& host) {
  auto transport = std::make_unique<TlsTransport>(std::move(socket), std::move(context), ssl::stream_base::client);
  auto& stream = transport->stream();
  stream.set_verify_callback(ssl::host_name_verification(host));
  Transport::Error not_an_address;
  asio::ip::make_address(host, not_an_address);
  if (not_an_address) SSL_set_tlsext_host_name(stream.native_handle(), host.c_str());
  return transport;
}

std::shared_ptr<ssl::context> ClientContext(const std::string& certificate, const std::string& key,
                                            const std::string& authority) {
  auto context = ContextOf(ssl::context::tls_client, certificate, key, authority);
  // Without an authority of ours, those of the machine.
  if (authority.empty()) context->set_default_verify_paths();
  context->set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_alpn_protos(context->native_handle(), kHttp2, sizeof(kHttp2));
  return context;
}

std::shared_ptr<ssl::context> ServerContext(const std::string& certificate, const std::string& key,
                                            const std::string& authority) {
  auto context = ContextOf(ssl::context::tls_server, certificate, key, authority);
  if (!authority.empty()) context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  // Each process resumes sessions of its own alone.
  SSL_CTX_set_session_id_context(context->native_handle(), kHttp2, sizeof(kHttp2));
  SSL_CTX_set_alpn_select_cb(context->native_handle(), ChooseHttp2, nullptr);
  return context;
}

}  // namespace perennial::gateway::http2
