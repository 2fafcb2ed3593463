#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace perennial::gateway::http2 {

// The bytes of a connection, encrypted or not. Operations report on the loop's thread; it must live until they have.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Error = boost::system::error_code;

  virtual ~Transport() = default;
  // Agrees with the peer on encryption where there is one, and that HTTP/2 is spoken.
  virtual void Handshake(std::function<void(Error)> done) = 0;
  virtual void Read(boost::asio::mutable_buffer into, std::function<void(Error, std::size_t)> done) = 0;
  // All of `bytes`. One at a time.
  virtual void Write(boost::asio::const_buffer bytes, std::function<void(Error, std::size_t)> done) = 0;
  // What is under way ends with an error.
  virtual void Close() = 0;
};

std::unique_ptr<Transport> InClear(Transport::Socket socket);
std::unique_ptr<Transport> EncryptedForServer(Transport::Socket socket, std::shared_ptr<boost::asio::ssl::context> context);
// The peer's certificate must name `host`, a name or an address.
std::unique_ptr<Transport> EncryptedForClient(Transport::Socket socket, std::shared_ptr<boost::asio::ssl::context> context,
                                              const std::string& host);

// What connections to other processes are encrypted with: the certificate `certificate` with its key, believing in who is signed by
// `authority`; all as PEM. Throws where these do not fit together.
std::shared_ptr<boost::asio::ssl::context> ClientContext(const std::string& certificate, const std::string& key,
                                                         const std::string& authority);
// The same for a server. With an authority, clients must have a certificate that is signed by it.
std::shared_ptr<boost::asio::ssl::context> ServerContext(const std::string& certificate, const std::string& key,
                                                         const std::string& authority);

}  // namespace perennial::gateway::http2
