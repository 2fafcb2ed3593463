#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "gateway/http2/client_call.h"
#include "gateway/http2/service_request.h"

namespace perennial::gateway::http2 {
namespace {

using Clock = EventLoop::Clock;

grpc::Status Draining() {
  const auto draining = absl::UnavailableError("the gateway is draining; resume from the last progress_revision");
  return ToGrpcStatus(WithReason(draining, "DRAINING"));
}

// Passes bytes on as they come, each way; a side gets more only when the other has taken what there was, so that whoever is slow slows
// the other end down and not the gateway's memory.
class StreamRelay : public Relay {
 public:
  StreamRelay(ClientCall& call, BackendPool& pool, std::string caller, std::optional<Clock::time_point> deadline)
      : call_(call), pool_(pool), deadline_(deadline), fields_(call, pool.authority(), std::move(caller)), expiry_(call.loop()) {}

  void Start() {
    if (deadline_.has_value()) {
      expiry_.Set(*deadline_, [this] { Cut({grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"}); });
    }
    service_ = std::make_unique<Service>(*this);
    pool_.Open(*service_);
  }

  void OnRequestData(absl::string_view piece) override {
    if (service_ == nullptr) return call_.Consume(piece.size());
    service_->Write(piece);
  }
  void OnRequestEnd() override {
    if (service_ != nullptr) service_->End();
  }
  void OnResponseSent(std::size_t bytes) override {
    if (service_ != nullptr) service_->Consume(bytes);
  }
  void Drain() override { Cut(Draining()); }

 protected:
  ServiceRequest& fields() { return fields_; }
  // What a client is told of the status with which the service, or the way to it, ended the stream.
  virtual grpc::Status StatusForCaller(const grpc::Status& status) = 0;
  // The stream has ended with it; once.
  virtual void OnOver(const grpc::Status& status) = 0;

 private:
  // The service's side.
  class Service final : public PooledStream {
   public:
    explicit Service(StreamRelay& relay) : relay_(relay) {}
    const Fields& RequestFields() override { return relay_.fields_.At(relay_.deadline_); }
    void OnField(absl::string_view name, absl::string_view value) override;
    void OnFieldsTooLarge() override {}
    void OnFields(bool last) override;
    void OnData(absl::string_view piece) override {
      if (relay_.over_) return Consume(piece.size());
      relay_.call_.Write(piece);
    }
    void OnEnd() override { Conclude(); }
    void OnSent(std::size_t bytes) override { relay_.call_.Consume(bytes); }
    void OnClosed(std::uint32_t error) override {
      if (!ended_) relay_.Cut(relay_.StatusForCaller(StatusOfReset(error)));
    }

   private:
    void Conclude();

    StreamRelay& relay_;
    std::string http_status_;
    GrpcTrailers trailers_;
    std::vector<std::pair<std::string, std::string>> passed_;
    bool begun_ = false;
    bool ended_ = false;
  };

  // Ends both sides, without a status of the service.
  void Cut(const grpc::Status& status) {
    expiry_.Clear();
    OnOver(status);
    call_.Finish(status);
    // Not now: it may be what calls this.
    if (service_ != nullptr) service_->Reset(NGHTTP2_CANCEL);
    over_ = true;
  }

  ClientCall& call_;
  BackendPool& pool_;
  const std::optional<Clock::time_point> deadline_;
  ServiceRequest fields_;
  Timer expiry_;
  bool over_ = false;
  std::unique_ptr<Service> service_;
};

void StreamRelay::Service::OnField(absl::string_view name, absl::string_view value) {
  if (name == ":status") {
    http_status_ = std::string(value);
  } else if (name == "grpc-status") {
    trailers_.status = std::string(value);
  } else if (name == "grpc-message") {
    trailers_.message = std::string(value);
  } else if (name == "grpc-status-details-bin") {
    trailers_.details = std::string(value);
  } else if (GoesOn(name, value)) {
    passed_.emplace_back(name, value);
  }
}

void StreamRelay::Service::OnFields(bool last) {
  if (last) return Conclude();
  if (std::exchange(begun_, true)) return;
  // At once, as the first message of a watch may be long in coming.
  Fields fields;
  for (const auto& [name, value] : passed_) fields.push_back({name, value});
  relay_.call_.SendHead(fields);
}

void StreamRelay::Service::Conclude() {
  if (std::exchange(ended_, true) || relay_.over_) return;
  relay_.expiry_.Clear();
  if (trailers_.ok()) {
    relay_.OnOver(grpc::Status::OK);
    return relay_.call_.Finish(trailers_);
  }
  grpc::Status status(grpc::StatusCode::INTERNAL, "the service ended its answer without a status");
  if (!trailers_.status.empty()) {
    status = trailers_.Decode();
  } else if (!http_status_.empty() && http_status_ != "200") {
    status = StatusOfHttp(http_status_);
  }
  relay_.OnOver(status);
  relay_.call_.Finish(relay_.StatusForCaller(status));
}

// To a service behind the gateway.
class ForwardedStream final : public StreamRelay {
 public:
  ForwardedStream(ClientCall& call, BackendPool& pool, const Route& route, Admission admission)
      : StreamRelay(call, pool, admission.caller.name, DeadlineFor(call.head(), route)),
        backend_(*route.backend),
        admission_(std::move(admission)) {}
  ~ForwardedStream() override {
    OnOver(grpc::Status::CANCELLED);
    backend_.ReleaseStream();
  }

 private:
  // A stream of answers may go on for as long as the client likes.
  static std::optional<Clock::time_point> DeadlineFor(const CallHead& head, const Route& route) {
    if (!head.timeout.has_value() && route.server_streaming) return std::nullopt;
    const std::chrono::nanoseconds longest = route.server_streaming ? std::chrono::nanoseconds::max() : kLongestCall;
    return Clock::now() + std::min({head.timeout.value_or(longest), longest, std::chrono::nanoseconds(std::chrono::hours(24 * 365))});
  }
  grpc::Status StatusForCaller(const grpc::Status& status) override { return backend_.StatusForCaller(status); }
  void OnOver(const grpc::Status& status) override {
    if (std::exchange(reported_, true)) return;
    backend_.breaker().Report(Backend::OutcomeOf(status, std::chrono::nanoseconds(0)));
  }

  Backend& backend_;
  const Admission admission_;
  bool reported_ = false;
};

// To a service of the gateway itself, which keeps its deadlines.
class OwnStream final : public StreamRelay {
 public:
  OwnStream(ClientCall& call, BackendPool& pool) : StreamRelay(call, pool, "", DeadlineFor(call.head())) {
    fields().AddCredentials();
  }

 private:
  static std::optional<Clock::time_point> DeadlineFor(const CallHead& head) {
    if (!head.timeout.has_value()) return std::nullopt;
    return Clock::now() + std::min(*head.timeout, std::chrono::nanoseconds(std::chrono::hours(24 * 365)));
  }
  grpc::Status StatusForCaller(const grpc::Status& status) override {
    return status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty() ? Draining() : status;
  }
  void OnOver(const grpc::Status&) override {}
};

}  // namespace

std::unique_ptr<Relay> CarryStream(ClientCall& call, BackendPool& pool, const Route& route, Admission admission) {
  auto relay = std::make_unique<ForwardedStream>(call, pool, route, std::move(admission));
  relay->Start();
  return relay;
}

std::unique_ptr<Relay> CarryToOwnService(ClientCall& call, BackendPool& pool) {
  auto relay = std::make_unique<OwnStream>(call, pool);
  relay->Start();
  return relay;
}

}  // namespace perennial::gateway::http2
