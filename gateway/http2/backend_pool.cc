#include "gateway/http2/backend_pool.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/log.h"
#include "gateway/http2/sockets.h"

namespace perennial::gateway::http2 {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;

constexpr milliseconds kConnectTimeout{5000};
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{2000};
constexpr milliseconds kResolveInterval{30000};
constexpr milliseconds kResolveAgain{250};  // after a connection was lost
// A connection that is lost sooner is not made again at once.
constexpr milliseconds kShortLife{1000};

milliseconds Jittered(milliseconds pause) {
  thread_local absl::BitGen random;
  return std::chrono::duration_cast<milliseconds>(pause * absl::Uniform(random, 0.8, 1.2));
}

// "host:port", "[::1]:port".
std::optional<std::pair<std::string, std::string>> SplitPort(absl::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0 || colon + 1 == text.size()) return std::nullopt;
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return std::nullopt;
  return std::make_pair(std::string(host), std::string(text.substr(colon + 1)));
}

}  // namespace

std::optional<Target> Target::Parse(const std::string& text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "ipv4:") || absl::ConsumePrefix(&rest, "ipv6:")) {
    Target target;
    for (const absl::string_view address : absl::StrSplit(rest, ',')) {
      if (!SplitPort(address).has_value()) return std::nullopt;
      target.addresses.emplace_back(address);
    }
    target.authority = target.addresses.front();
    return target;
  }
  if (absl::ConsumePrefix(&rest, "dns:")) absl::ConsumePrefix(&rest, "///");
  auto parts = SplitPort(rest);
  if (!parts.has_value()) return std::nullopt;
  return Target{.host = parts->first, .port = parts->second, .addresses = {}, .authority = std::string(rest)};
}

PooledStream::~PooledStream() {
  if (waits_in_ != nullptr) waits_in_->erase(place_);
}

// One address of a service, and the connection to it.
class BackendPool::Endpoint final : public Http2Connection::Owner {
 public:
  Endpoint(BackendPool& pool, tcp::endpoint address)
      : pool_(pool), address_(std::move(address)), retry_(pool.loop_), timeout_(pool.loop_) {}
  ~Endpoint() {
    if (socket_ != nullptr) CloseSocket();
    if (connection_ != nullptr) connection_->Abandon();
    for (const auto& connection : leaving_connections_) connection->Abandon();
  }

  [[nodiscard]] const tcp::endpoint& address() const { return address_; }
  [[nodiscard]] bool ready() const { return connection_ != nullptr && connection_->takes_streams(); }
  [[nodiscard]] bool connecting() const { return connecting_; }
  [[nodiscard]] bool idle() const { return connection_ == nullptr && leaving_connections_.empty() && socket_ == nullptr; }
  bool Open(PooledStream& stream) { return connection_->Open(stream, stream.RequestFields(), false); }

  void Connect() {
    connecting_ = true;
    if (pool_.connect_ != nullptr) {
      auto socket = pool_.connect_(pool_.loop_.context());
      return socket.has_value() ? Speak(InClear(*std::move(socket))) : Fail("no socket is left");
    }
    socket_ = std::make_shared<tcp::socket>(pool_.loop_.context());
    timeout_.SetAfter(kConnectTimeout, [this] { CloseSocket(); });
    // It outlives this where need be, and says nothing then.
    socket_->async_connect(address_, [this, socket = socket_, alive = pool_.alive_](boost::system::error_code error) {
      if (*alive == nullptr || socket_ != socket) return;
      timeout_.Clear();
      socket_ = nullptr;
      if (error || leaving_) return Fail(error.message());
      Encrypt(std::move(*socket));
    });
  }

  // No stream is begun here any more.
  void Leave() {
    retry_.Clear();
    leaving_ = true;
    if (connection_ != nullptr) connection_->Leave();
  }

  void OnReady(Http2Connection& connection) override {
    connecting_ = false;
    ready_since_ = EventLoop::Clock::now();
    if (leaving_) connection.Leave();
    pool_.OnChange();
  }
  // A server that shuts down, or wants its clients to look for others: what is under way there may end there.
  void OnLeaving(Http2Connection&) override {
    if (leaving_ || connection_ == nullptr) return;
    leaving_connections_.push_back(std::move(connection_));
    pool_.loop_.Post([this, alive = pool_.alive_] {
      if (*alive != nullptr && idle_for_now()) ConnectAnew("it closes the connection");
    });
  }
  void OnClosed(Http2Connection& connection, const std::string& why) override {
    const auto left = std::find_if(leaving_connections_.begin(), leaving_connections_.end(),
                                   [&](const auto& one) { return one.get() == &connection; });
    if (left != leaving_connections_.end()) {
      leaving_connections_.erase(left);
      return pool_.OnChange();
    }
    const auto last_touch = std::move(connection_);
    const bool was_ready = !connecting_;
    connecting_ = false;
    if (!was_ready || leaving_) return Fail(why);
    ConnectAnew(why);
  }

 private:
  [[nodiscard]] bool idle_for_now() const { return connection_ == nullptr && !connecting_ && !leaving_; }
  // Whoever is restarted is looked for at once, at its address and at others.
  void ConnectAnew(const std::string& why) {
    if (EventLoop::Clock::now() - ready_since_ < kShortLife) return Fail(why);
    pause_ = kFirstPause;
    retry_.Clear();
    Connect();
    pool_.resolve_.SetAfter(Jittered(kResolveAgain), [pool = &pool_] { pool->Resolve(); });
  }
  void Encrypt(tcp::socket socket) {
    TuneSocket(socket);
    if (pool_.tls_ == nullptr) return Speak(InClear(Transport::Socket(std::move(socket))));
    const auto context = pool_.tls_->context();
    if (context == nullptr) return Fail("the certificate does not do");
    const std::string host = pool_.target_.host.empty() ? address_.address().to_string() : pool_.target_.host;
    Speak(EncryptedForClient(Transport::Socket(std::move(socket)), context, host));
  }
  void Speak(std::unique_ptr<Transport> transport) {
    connection_ = Http2Connection::Start(pool_.loop_, std::move(transport), Http2Connection::Side::kClient, pool_.options_, *this);
  }
  void Fail(const std::string& why) {
    connecting_ = false;
    if (leaving_) return pool_.OnChange();
    LogEvery(why);
    retry_.SetAfter(Jittered(pause_), [this] { Connect(); });
    pause_ = std::min(pause_ * 2, kLongestPause);
    pool_.resolve_.SetAfter(Jittered(kResolveAgain), [pool = &pool_] { pool->Resolve(); });
    pool_.OnChange();
  }
  // The first failure after it went well; the monitor of services tells of the rest.
  void LogEvery(const std::string& why) {
    if (pause_ != kFirstPause) return;
    Log(LogLevel::kInfo, "cannot connect to a service",
        {{"target", pool_.target_.authority}, {"address", absl::StrCat(address_.address().to_string(), ":", address_.port())},
         {"reason", why}});
  }
  void CloseSocket() {
    boost::system::error_code ignored;
    socket_->close(ignored);
  }

  BackendPool& pool_;
  const tcp::endpoint address_;
  std::shared_ptr<tcp::socket> socket_;  // while it connects
  std::shared_ptr<Http2Connection> connection_;
  // Their last streams are under way.
  std::vector<std::shared_ptr<Http2Connection>> leaving_connections_;
  EventLoop::Clock::time_point ready_since_;
  bool connecting_ = false;
  bool leaving_ = false;
  milliseconds pause_ = kFirstPause;
  Timer retry_;
  Timer timeout_;
};

BackendPool::BackendPool(EventLoop& loop, Target target, std::shared_ptr<TlsContext> tls)
    : loop_(loop), target_(std::move(target)), tls_(std::move(tls)), resolver_(std::make_unique<tcp::resolver>(loop.context())),
      resolve_(loop), alive_(std::make_shared<BackendPool*>(this)) {
  options_.setup_timeout = kConnectTimeout;
}

BackendPool::BackendPool(EventLoop& loop, Connect connect)
    : loop_(loop), target_({.host = "", .port = "", .addresses = {}, .authority = "localhost"}), connect_(std::move(connect)),
      resolve_(loop), alive_(std::make_shared<BackendPool*>(this)) {}

BackendPool::~BackendPool() {
  *alive_ = nullptr;
  endpoints_.clear();
  gone_.clear();
}

void BackendPool::Open(PooledStream& stream) {
  if (!begun_) {
    begun_ = true;
    Resolve();
  }
  Endpoint* endpoint = Pick();
  if (endpoint != nullptr && endpoint->Open(stream)) return;
  if (!IsConnecting()) return stream.OnClosed(Http2Stream::kLost);
  stream.waits_in_ = &waiting_;
  stream.place_ = waiting_.insert(waiting_.end(), &stream);
}

void BackendPool::Resolve() {
  if (connect_ != nullptr) {
    if (endpoints_.empty()) Take({tcp::endpoint()});
    return;
  }
  if (!target_.addresses.empty()) {
    if (!endpoints_.empty()) return;
    Addresses addresses;
    for (const std::string& text : target_.addresses) {
      const auto parts = *SplitPort(text);
      boost::system::error_code error;
      const auto ip = boost::asio::ip::make_address(parts.first, error);
      if (!error) addresses.emplace_back(ip, static_cast<std::uint16_t>(std::atoi(parts.second.c_str())));
    }
    return Take(addresses);
  }
  if (resolving_) return;
  resolving_ = true;
  resolver_->async_resolve(target_.host, target_.port,
                           [this, alive = alive_](boost::system::error_code error, const tcp::resolver::results_type& found) {
                             if (*alive == nullptr) return;
                             resolving_ = false;
                             resolve_.SetAfter(error ? Jittered(kLongestPause) : Jittered(kResolveInterval), [this] { Resolve(); });
                             if (error) return OnChange();
                             Addresses addresses;
                             for (const auto& one : found) addresses.push_back(one.endpoint());
                             Take(addresses);
                           });
}

void BackendPool::Take(const Addresses& addresses) {
  for (auto& endpoint : endpoints_) {
    if (std::find(addresses.begin(), addresses.end(), endpoint->address()) != addresses.end()) continue;
    endpoint->Leave();
    gone_.push_back(std::move(endpoint));
  }
  endpoints_.erase(std::remove(endpoints_.begin(), endpoints_.end(), nullptr), endpoints_.end());
  for (const tcp::endpoint& address : addresses) {
    const bool known = std::any_of(endpoints_.begin(), endpoints_.end(), [&](const auto& one) { return one->address() == address; });
    if (known) continue;
    endpoints_.push_back(std::make_unique<Endpoint>(*this, address));
    endpoints_.back()->Connect();
  }
  OnChange();
}

BackendPool::Endpoint* BackendPool::Pick() {
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& endpoint = *endpoints_[turn_++ % endpoints_.size()];
    if (endpoint.ready()) return &endpoint;
  }
  return nullptr;
}

bool BackendPool::IsConnecting() const {
  return resolving_ || std::any_of(endpoints_.begin(), endpoints_.end(), [](const auto& one) { return one->connecting(); });
}

void BackendPool::OnChange() {
  // Not those that wait anew meanwhile.
  std::list<PooledStream*> waiting;
  waiting.swap(waiting_);
  for (PooledStream* stream : waiting) stream->waits_in_ = &waiting;
  while (!waiting.empty()) {
    PooledStream& stream = *waiting.front();
    waiting.pop_front();
    stream.waits_in_ = nullptr;
    Open(stream);
  }
  // Not here: it may be what calls this.
  if (!gone_.empty()) {
    loop_.Post([this, alive = alive_] {
      if (*alive == nullptr) return;
      gone_.erase(std::remove_if(gone_.begin(), gone_.end(), [](const auto& one) { return one->idle(); }), gone_.end());
    });
  }
}

}  // namespace perennial::gateway::http2
