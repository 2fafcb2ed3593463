#include "gateway/http2/front.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "gateway/http2/sockets.h"

namespace perennial::gateway::http2 {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptAgain{10};
// Calls of a client in this process, which come over one connection.
constexpr std::uint32_t kMostAdopted = 1 << 20;

// As gRPC writes it, without the port.
std::string PeerOf(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto address = socket.remote_endpoint(error).address();
  return error ? "unknown" : absl::StrCat(address.is_v4() ? "ipv4:" : "ipv6:", address.to_string());
}

}  // namespace

struct Front::Loop {
  EventLoop loop;  // outlives what is on it
  CallPools pools;
  absl::flat_hash_set<Session*> sessions;
};

// One connection of a client.
class Front::Session final : public Http2Connection::Owner, public ClientCall::Owner {
 public:
  Session(Front& front, Loop& loop, std::string peer, bool adopted)
      : front_(front), loop_(loop), peer_(std::move(peer)), adopted_(adopted), age_(loop.loop) {
    loop_.sessions.insert(this);
  }

  void Start(std::unique_ptr<Transport> transport) {
    Http2Connection::Options options;
    options.most_field_bytes = front_.options_.most_metadata_bytes;
    options.setup_timeout = front_.options_.setup_timeout;
    options.ping_interval = adopted_ ? std::chrono::milliseconds(0) : std::chrono::minutes(2);
    if (adopted_) options.most_streams = kMostAdopted;
    connection_ = Http2Connection::Start(loop_.loop, std::move(transport), Http2Connection::Side::kServer, options, *this);
    if (!adopted_) Grow();
  }
  void Drain() {
    // Some end at once.
    const std::vector<ClientCall*> calls(calls_.begin(), calls_.end());
    for (ClientCall* call : calls) call->Drain();
    if (!adopted_) connection_->Leave();
  }
  void Close() { connection_->Close("the gateway stops"); }

  Http2Stream* OnStream() override {
    auto* call = new ClientCall(front_.gates_, loop_.pools, loop_.loop, peer_, *this);
    calls_.insert(call);
    return call;
  }
  void OnOver(ClientCall& call) override {
    calls_.erase(&call);
    delete &call;
  }
  void OnClosed(Http2Connection&, const std::string&) override {
    loop_.sessions.erase(this);
    Front& front = front_;
    const bool counted = !adopted_;
    delete this;
    if (counted) front.OnSessionOver();
  }

 private:
  void Grow() {
    thread_local absl::BitGen random;
    const auto age = front_.options_.most_age * absl::Uniform(random, 0.9, 1.1);
    age_.SetAfter(std::chrono::duration_cast<EventLoop::Clock::duration>(age), [this] {
      connection_->Leave();
      age_.SetAfter(front_.options_.age_grace, [this] { connection_->Close("it is too old"); });
    });
  }

  Front& front_;
  Loop& loop_;
  const std::string peer_;
  const bool adopted_;
  absl::flat_hash_set<ClientCall*> calls_;
  std::shared_ptr<Http2Connection> connection_;
  Timer age_;
};

Front::Front(const FrontOptions& options, const CallGates& gates)
    : options_(options), gates_(gates) {
  if (options.tls != nullptr) {
    tls_ = std::make_unique<TlsContext>(options.tls, [](const Tls::Identity& identity) {
      return ServerContext(identity.certificate, identity.key, identity.authority);
    });
  }
  if (options.services_tls != nullptr) {
    services_tls_ = std::make_shared<TlsContext>(options.services_tls, [](const Tls::Identity& identity) {
      return ClientContext(identity.certificate, identity.key, identity.authority);
    });
  }
}

absl::StatusOr<std::unique_ptr<Front>> Front::Start(const FrontOptions& options, const CallGates& gates,
                                                    const std::vector<Service>& services, BackendPool::Connect connect_own) {
  for (const Service& service : services) {
    if (Target::Parse(service.target).has_value()) continue;
    return absl::InvalidArgumentError(absl::StrCat("not an address of ", service.backend->name(), ": ", service.target,
                                                   "; it is host:port, dns:///host:port or ipv4:address:port,address:port"));
  }
  std::unique_ptr<Front> front(new Front(options, gates));
  front->MakeLoops(services, connect_own);
  PERENNIAL_RETURN_IF_ERROR(front->Listen());
  return front;
}

void Front::MakeLoops(const std::vector<Service>& services, const BackendPool::Connect& connect_own) {
  const int processors = static_cast<int>(std::thread::hardware_concurrency());
  const int count = options_.loops > 0 ? options_.loops : std::clamp(processors, 1, 8);
  for (int i = 0; i < count; ++i) {
    loops_.push_back(std::make_unique<Loop>());
    Loop& loop = *loops_.back();
    for (const Service& service : services) {
      const Target target = *Target::Parse(service.target);
      loop.pools.services[service.backend] = {.calls = std::make_unique<BackendPool>(loop.loop, target, services_tls_),
                                              .streams = std::make_unique<BackendPool>(loop.loop, target, services_tls_)};
    }
    loop.pools.own = std::make_unique<BackendPool>(loop.loop, connect_own);
  }
}

absl::Status Front::Listen() {
  boost::system::error_code error;
  tcp::resolver resolver(loops_.front()->loop.context());
  std::string host = options_.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto found = resolver.resolve(host, std::to_string(options_.port), tcp::resolver::passive, error);
  if (error || found.empty()) return absl::InvalidArgumentError(absl::StrCat("not an address to listen on: ", options_.host));
  const tcp::endpoint endpoint = found.begin()->endpoint();
  retry_ = std::make_unique<Timer>(loops_.front()->loop);
  acceptor_ = std::make_unique<tcp::acceptor>(loops_.front()->loop.context());
  acceptor_->open(endpoint.protocol(), error);
  // Only so that a restarted gateway need not wait for old connections: two that listen at once are still refused.
  if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options_.host, ":", options_.port, ": ", error.message()));
  }
  port_ = acceptor_->local_endpoint().port();
  loops_.front()->loop.Post([this] { Accept(); });
  return absl::OkStatus();
}

void Front::Accept() {
  acceptor_->async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (draining_ || error == asio::error::operation_aborted) return;
    if (!error) {
      Serve(std::move(socket));
      return Accept();
    }
    Log(LogLevel::kWarning, "cannot accept a connection", {{"status", error.message()}});
    // Out of file descriptors: give others time to close theirs.
    retry_->SetAfter(kAcceptAgain, [this] { Accept(); });
  });
}

void Front::Serve(tcp::socket socket) {
  if (connections_ >= options_.most_connections) return;
  boost::system::error_code error;
  const std::string peer = PeerOf(socket);
  TuneSocket(socket);
  const tcp protocol = socket.local_endpoint(error).protocol();
  if (error) return;
  const int handle = socket.release(error);
  if (error) return;
  ++connections_;
  Loop& loop = *loops_[turn_++ % loops_.size()];
  loop.loop.Post([this, &loop, handle, protocol, peer] {
    Transport::Socket moved(loop.loop.context(), asio::generic::stream_protocol(protocol.family(), protocol.type()), handle);
    const auto context = tls_ == nullptr ? nullptr : tls_->context();
    if (draining_ || (tls_ != nullptr && context == nullptr)) return OnSessionOver();
    auto* session = new Session(*this, loop, peer, false);
    session->Start(tls_ == nullptr ? InClear(std::move(moved)) : EncryptedForServer(std::move(moved), context));
  });
}

void Front::Adopt(int socket) {
  Loop& loop = *loops_.front();
  loop.loop.Post([this, &loop, socket] {
    auto* session = new Session(*this, loop, "http", true);
    session->Start(InClear(SocketOf(loop.loop.context(), socket)));
  });
}

void Front::OnSessionOver() {
  MutexLock lock(mu_);
  // Under the lock, as Stop() may return as soon as it is given up.
  if (--connections_ == 0) over_.notify_all();
}

void Front::Drain() {
  if (draining_.exchange(true)) return;
  for (const auto& loop : loops_) {
    loop->loop.Post([this, loop = loop.get()] {
      if (loop == loops_.front().get() && acceptor_ != nullptr) {
        boost::system::error_code ignored;
        acceptor_->close(ignored);
        retry_->Clear();
      }
      loop->pools.draining = true;
      const std::vector<Session*> sessions(loop->sessions.begin(), loop->sessions.end());
      for (Session* session : sessions) session->Drain();
    });
  }
}

void Front::Stop(std::chrono::milliseconds grace) {
  Drain();
  const auto deadline = std::chrono::steady_clock::now() + grace;
  {
    MutexLock lock(mu_);
    while (connections_ > 0) {
      if (!lock.WaitUntil(over_, deadline)) break;
    }
  }
  for (const auto& loop : loops_) {
    loop->loop.Post([loop = loop.get()] {
      const std::vector<Session*> sessions(loop->sessions.begin(), loop->sessions.end());
      for (Session* session : sessions) session->Close();
    });
    loop->loop.Stop();
    // Whoever serves these connections may be waiting for their end.
    loop->pools = CallPools();
  }
}

Front::~Front() { Stop(std::chrono::milliseconds(0)); }

}  // namespace perennial::gateway::http2
