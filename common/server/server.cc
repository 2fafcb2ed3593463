#include "common/server/server.h"

#include <grpcpp/server_posix.h>

#include <csignal>
#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/server/call_spans.h"
#include "common/server/exit_code.h"
#include "common/server/port_file.h"
#include "common/server/rpc_metrics.h"

namespace perennial {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// What all our servers are built with.
void SetLimits(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, options.max_metadata_bytes);
  // Without this a second process silently shares the port and takes half of the traffic.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 15000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1000);
  // Clients connect anew from time to time, and so find servers that were added. What is under way may go on for long.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 5 * 60 * 1000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 60 * 60 * 1000);
  // A compressed request is inflated before its size is checked: refuse compression instead.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
}

}  // namespace

void BlockStopSignals() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its size limit is an error of the write, not the end of the process
}

void WaitForStopSignal() {
  const sigset_t signals = StopSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  Log(LogLevel::kInfo, "stopping", {{"signal", absl::StrCat(signal)}});
}

Server::Server(ServerOptions options, std::vector<std::string> described)
    : options_(std::move(options)), described_(described), reflection_(std::move(described)) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services,
                                                      std::vector<std::string> described,
                                                      const std::function<void(grpc::ServerBuilder&)>& customize) {
  described.insert(described.end(), {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                     "grpc.reflection.v1alpha.ServerReflection"});
  std::unique_ptr<Server> server(new Server(options, std::move(described)));
  grpc::ServerBuilder builder;
  if (options.listens) {
    builder.AddListeningPort(absl::StrCat(options.host, ":", options.port),
                             options.tls == nullptr ? grpc::InsecureServerCredentials() : options.tls->ForServer(),
                             &server->port_);
  }
  server->Observe(builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  builder.RegisterService(&server->health_);
  for (grpc::Service* service : server->reflection_.services()) builder.RegisterService(service);
  SetLimits(options, builder);
  if (customize) customize(builder);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || (options.listens && server->port_ == 0)) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options.host, ":", options.port, "; is the port taken?"));
  }
  server->health_.SetServing("", true);
  server->health_.SetServing("liveness", true);
  server->health_.SetServing("readiness", false);
  PERENNIAL_RETURN_IF_ERROR(server->StartProbes());
  if (!options.listens) return server;
  if (options.self_check) server->StartSelfCheck();
  // Who waits for the file notices that it does not come.
  WritePortFile(options.port_file, options.host, server->port_).IgnoreError();
  Log(LogLevel::kInfo, "listening", {{"address", absl::StrCat(options.host, ":", server->port_)}});
  return server;
}

void Server::Observe(grpc::ServerBuilder& builder) {
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  if (options_.spans.has_value()) spans_ = std::make_shared<SpanExporter>(*options_.spans);
  if (options_.metrics != nullptr) {
    const auto counts = std::make_shared<RpcMetrics>(described_);
    options_.metrics->Add(counts);
    interceptors.push_back(RpcMetrics::Interceptor(counts));
    if (spans_ != nullptr) MeasureSpans(spans_, *options_.metrics);
  }
  if (options_.metrics != nullptr || spans_ != nullptr) interceptors.push_back(TraceCalls(spans_));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
}

Server::~Server() { Stop(); }

absl::Status Server::StartProbes() {
  if (options_.probe_port < 0) return absl::OkStatus();
  grpc::ServerBuilder builder;
  const std::string address = absl::StrCat(options_.host, ":", options_.probe_port);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &probe_port_);
  SetLimits(options_, builder);
  builder.RegisterService(&health_);
  probes_ = builder.BuildAndStart();
  if (probes_ != nullptr && probe_port_ != 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " for probes; is the port taken?"));
}

void Server::StartSelfCheck() {
  const std::string host = options_.host == "0.0.0.0" ? "127.0.0.1" : options_.host == "[::]" ? "[::1]" : options_.host;
  self_check_ = std::make_unique<SelfCheck>(
      SelfCheck::Options{.address = absl::StrCat(host, ":", port_),
                         .credentials = options_.tls == nullptr ? grpc::InsecureChannelCredentials() : options_.tls->ForSelf()},
      [] {
        Log(LogLevel::kError, "ending, as new connections are not answered");
        StopWith(kExitUnavailable);
      });
}

void Server::SetReady(bool ready) {
  health_.SetServing("readiness", ready);
  if (ready) Log(LogLevel::kInfo, "ready");
}

std::shared_ptr<grpc::Channel> Server::InProcessChannel() { return server_->InProcessChannel(grpc::ChannelArguments()); }

void Server::Stop(const std::function<void()>& end_streams) {
  if (stopped_ || server_ == nullptr) return;
  stopped_ = true;
  self_check_ = nullptr;
  health_.SetServing("readiness", false);
  std::this_thread::sleep_for(options_.drain);
  if (end_streams) end_streams();
  health_.ShutDown();
  server_->Shutdown(std::chrono::system_clock::now() + options_.grace);
  server_->Wait();
  if (probes_ != nullptr) {
    probes_->Shutdown(std::chrono::system_clock::now());
    probes_->Wait();
  }
}

void Server::Adopt(int socket) { grpc::AddInsecureChannelFromFd(server_.get(), socket); }

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& target, const std::shared_ptr<Tls>& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetMaxReceiveMessageSize(64 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // It says how long one attempt may take, too: a busy machine needs more than the 100 ms of the first pause.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // A broken connection is not tried again before its name was resolved again, which gRPC allows every 30 s only.
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 250);
  // How much of a stream arrives before it is read. Left to itself gRPC lets that grow to tens of megabytes on a fast network, for each
  // stream whose reader sleeps.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 20);
  // Each channel its own connection: a stream that is slow must not share another's flow-control window.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(target, tls == nullptr ? grpc::InsecureChannelCredentials() : tls->ForChannel(),
                                   arguments);
}

}  // namespace perennial
