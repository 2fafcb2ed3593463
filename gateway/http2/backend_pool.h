#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/http2/event_loop.h"
#include "gateway/http2/http2_connection.h"
#include "gateway/tls_context.h"

namespace perennial::gateway::http2 {

// A request on its way to a service.
class PooledStream : public Http2Stream {
 public:
  // What the request begins with. Asked when a connection is there; the views live until the next call.
  [[nodiscard]] virtual const Fields& RequestFields() = 0;

 protected:
  ~PooledStream() override;

 private:
  friend class BackendPool;
  std::list<PooledStream*>* waits_in_ = nullptr;
  std::list<PooledStream*>::iterator place_;
};

// Where a service is.
struct Target {
  // Of hosts with a name: asked anew while the process runs. Without one, the addresses are all there are.
  std::string host;
  std::string port;
  std::vector<std::string> addresses;  // "host:port", from "ipv4:a:1,b:2"
  std::string authority;               // what requests say they are for

  // As gRPC writes them: "host:port", "dns:///host:port", "ipv4:10.0.0.1:50051,10.0.0.2:50051", "ipv6:[::1]:50051". Nothing for others.
  static std::optional<Target> Parse(const std::string& text);
};

// The connections of one loop to one service: one to each address that its name has, requests in turn over those that are there.
// Connects at the first request, keeps connected, and asks for the name's addresses again when one is lost and from time to time, so
// that replicas that come are found. On the loop's thread.
class BackendPool {
 public:
  // Makes a connected socket, for a service in the same process.
  using Connect = std::function<std::optional<Transport::Socket>(boost::asio::io_context&)>;

  BackendPool(EventLoop& loop, Target target, std::shared_ptr<TlsContext> tls);
  BackendPool(EventLoop& loop, Connect connect);
  ~BackendPool();

  // Opens the stream, at once or as soon as a connection is made. When none can be, it ends with Http2Stream::kLost.
  void Open(PooledStream& stream);
  [[nodiscard]] const std::string& authority() const { return target_.authority; }

 private:
  class Endpoint;
  using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

  void Resolve();
  void Take(const Addresses& addresses);
  Endpoint* Pick();
  [[nodiscard]] bool IsConnecting() const;
  // An endpoint has become ready, or failed.
  void OnChange();

  EventLoop& loop_;
  const Target target_;
  const std::shared_ptr<TlsContext> tls_;  // null: in clear
  const Connect connect_;                  // null: over TCP
  Http2Connection::Options options_;
  std::unique_ptr<boost::asio::ip::tcp::resolver> resolver_;
  bool resolving_ = false;
  bool begun_ = false;
  Timer resolve_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> gone_;  // their last streams are under way
  std::size_t turn_ = 0;
  std::list<PooledStream*> waiting_;
  std::shared_ptr<BackendPool*> alive_;  // what is under way elsewhere looks here first
};

}  // namespace perennial::gateway::http2
