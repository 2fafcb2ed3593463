#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "common/base/error_details.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "gateway/http2/client_call.h"
#include "gateway/http2/service_request.h"

namespace perennial::gateway::http2 {
namespace {

using google::protobuf::internal::WireFormatLite;
using Clock = EventLoop::Clock;

constexpr int kMostAttempts = 3;
// A connection that is being closed, as by a server which shuts down, refuses what came too late. That says nothing about the service, and
// the call goes over another one at once.
constexpr int kMostRefusals = 5;
constexpr std::chrono::milliseconds kFirstRetry{50};

// Whether field `number` of an encoded message, a string, is there and not empty.
bool HasText(absl::string_view message, int number) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(message.data()),
                                               static_cast<int>(message.size()));
  const std::uint32_t wanted = WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  bool found = false;
  while (const std::uint32_t tag = input.ReadTag()) {
    std::uint32_t size = 0;
    if (tag != wanted) {
      if (!WireFormatLite::SkipField(&input, tag)) return false;
    } else if (!input.ReadVarint32(&size) || !input.Skip(static_cast<int>(size))) {
      return false;
    } else {
      found = size > 0;  // the last one counts
    }
  }
  return found;
}

grpc::Status TooLarge(const char* what, std::size_t most) {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, absl::StrCat(what, " is larger than ", most, " bytes")};
}

class UnaryRelay final : public Relay {
 public:
  UnaryRelay(ClientCall& call, BackendPool& pool, const Route& route, Admission admission);
  ~UnaryRelay() override;

  void OnRequestData(absl::string_view piece) override;
  void OnRequestEnd() override;
  void OnResponseSent(std::size_t) override {}
  void Drain() override {}

 private:
  // The request on its way, once.
  class Attempt final : public PooledStream {
   public:
    explicit Attempt(UnaryRelay& relay) : relay_(relay) {}
    const Fields& RequestFields() override {
      relay_.left_ = true;
      return relay_.fields_.At(relay_.deadline_);
    }
    void OnField(absl::string_view name, absl::string_view value) override;
    void OnFieldsTooLarge() override {}
    void OnFields(bool last) override;
    void OnData(absl::string_view piece) override;
    void OnEnd() override { relay_.OnAnswer(StatusAtEnd()); }
    void OnSent(std::size_t) override {}
    void OnClosed(std::uint32_t error) override {
      const bool refused = error == NGHTTP2_REFUSED_STREAM && !relay_.reported_;
      if (refused) relay_.left_ = false;
      if (refused && relay_.refusals_++ < kMostRefusals) return relay_.Send();  // this is gone
      relay_.OnAnswer(StatusOfReset(error));
    }

    // What the client is told of the answer.
    void PassOn(ClientCall& call);

   private:
    [[nodiscard]] grpc::Status StatusAtEnd() const;

    UnaryRelay& relay_;
    std::string http_status_;
    GrpcTrailers trailers_;
    std::vector<std::pair<std::string, std::string>> fields_;  // that go on
    std::string answer_;
  };

  bool Keep(std::size_t bytes);
  void Refuse(const grpc::Status& status);
  void Try();
  void Send();
  void OnAnswer(const grpc::Status& status);
  bool TryAgain(const grpc::Status& status);
  [[nodiscard]] bool IsSafeToRepeat() const;
  void Report(const grpc::Status& status);

  ClientCall& call_;
  BackendPool& pool_;
  const Route& route_;
  const Admission admission_;
  const Clock::time_point deadline_;
  ServiceRequest fields_;
  std::string request_;  // with its frame
  std::size_t kept_ = 0;  // bytes of the memory for messages
  bool reported_ = false;  // to the breaker, of the present attempt
  bool left_ = false;      // the present attempt may have reached the service
  int attempts_ = 0;
  int refusals_ = 0;
  Clock::time_point attempted_;
  std::unique_ptr<Attempt> attempt_;
  Timer expiry_;
  Timer pause_;
};

Clock::time_point DeadlineFor(const CallHead& head, const Route& route) {
  const std::chrono::nanoseconds longest = route.analysis ? std::chrono::nanoseconds(kLongestAnalysis) : kLongestCall;
  return Clock::now() + std::min(head.timeout.value_or(longest), longest);
}

UnaryRelay::UnaryRelay(ClientCall& call, BackendPool& pool, const Route& route, Admission admission)
    : call_(call), pool_(pool), route_(route), admission_(std::move(admission)), deadline_(DeadlineFor(call.head(), route)),
      fields_(call, pool.authority(), admission_.caller.name), expiry_(call.loop()), pause_(call.loop()) {
  expiry_.Set(deadline_, [this] { Refuse({grpc::StatusCode::DEADLINE_EXCEEDED, "Deadline Exceeded"}); });
}

UnaryRelay::~UnaryRelay() {
  if (attempts_ == 0) {
    if (!reported_) route_.backend->breaker().Report(CircuitBreaker::Outcome::kUnclear);
  } else {
    Report(grpc::Status::CANCELLED);  // where no answer came
  }
  attempt_ = nullptr;
  call_.gates().memory.Return(kept_);
}

bool UnaryRelay::Keep(std::size_t bytes) {
  if (!call_.gates().memory.TryTake(bytes)) return false;
  kept_ += bytes;
  return true;
}

// Without an answer of the service.
void UnaryRelay::Refuse(const grpc::Status& status) {
  if (attempts_ > 0) Report(status);
  expiry_.Clear();
  pause_.Clear();
  attempt_ = nullptr;
  call_.Finish(status);
}

void UnaryRelay::OnRequestData(absl::string_view piece) {
  const std::size_t most = call_.gates().most_request_bytes;
  call_.Consume(piece.size());
  if (!Keep(piece.size())) return Refuse(ToGrpcStatus(BusyStatus()));
  request_.append(piece.data(), piece.size());
  const bool begun = request_.size() >= kGrpcFrame;
  if (begun && GrpcMessageSize(request_) > most) return Refuse(TooLarge("the request", most));
  if (begun && request_.size() > kGrpcFrame + GrpcMessageSize(request_)) {
    Refuse({grpc::StatusCode::INVALID_ARGUMENT, "there is more than one request"});
  }
}

void UnaryRelay::OnRequestEnd() {
  if (request_.empty()) return Refuse({grpc::StatusCode::INVALID_ARGUMENT, "there is no request"});
  if (request_.size() < kGrpcFrame || request_.size() != kGrpcFrame + GrpcMessageSize(request_)) {
    return Refuse({grpc::StatusCode::INVALID_ARGUMENT, "the request is not whole"});
  }
  if (request_.front() != 0) return Refuse({grpc::StatusCode::UNIMPLEMENTED, "compressed requests are not taken"});
  Try();
}

void UnaryRelay::Try() {
  ++attempts_;
  Send();
}

void UnaryRelay::Send() {
  attempted_ = Clock::now();
  reported_ = left_ = false;
  attempt_ = std::make_unique<Attempt>(*this);
  attempt_->Write(request_);
  attempt_->End();
  pool_.Open(*attempt_);
}

void UnaryRelay::Report(const grpc::Status& status) {
  if (std::exchange(reported_, true)) return;
  route_.backend->breaker().Report(Backend::OutcomeOf(status, Clock::now() - attempted_));
}

void UnaryRelay::OnAnswer(const grpc::Status& status) {
  if (reported_) return;  // the end of a stream whose answer is there
  Report(status);
  if (status.ok()) {
    route_.backend->retries().Earn();
    expiry_.Clear();
    return attempt_->PassOn(call_);
  }
  if (TryAgain(status)) return;
  expiry_.Clear();
  call_.Finish(route_.backend->StatusForCaller(status));
}

bool UnaryRelay::TryAgain(const grpc::Status& status) {
  if (attempts_ >= kMostAttempts || !Backend::IsTransient(status)) return false;
  thread_local absl::BitGen random;
  const auto pause = kFirstRetry * (1 << (attempts_ - 1)) * absl::Uniform(random, 0.8, 1.2);
  const auto again = Clock::now() + std::chrono::duration_cast<Clock::duration>(pause);
  if (again >= deadline_ || !IsSafeToRepeat() || !route_.backend->retries().TrySpend()) return false;
  pause_.Set(again, [this] { Try(); });
  return true;
}

bool UnaryRelay::IsSafeToRepeat() const {
  return !left_ || route_.policy.reads ||
         (route_.request_id_field != 0 && HasText(absl::string_view(request_).substr(kGrpcFrame), route_.request_id_field));
}

void UnaryRelay::Attempt::OnField(absl::string_view name, absl::string_view value) {
  if (name == ":status") {
    http_status_ = std::string(value);
  } else if (name == "grpc-status") {
    trailers_.status = std::string(value);
  } else if (name == "grpc-message") {
    trailers_.message = std::string(value);
  } else if (name == "grpc-status-details-bin") {
    trailers_.details = std::string(value);
  } else if (GoesOn(name, value)) {
    fields_.emplace_back(name, value);
  }
}

void UnaryRelay::Attempt::OnFields(bool last) {
  if (last) relay_.OnAnswer(StatusAtEnd());
}

void UnaryRelay::Attempt::OnData(absl::string_view piece) {
  const std::size_t most = relay_.call_.gates().most_response_bytes;
  Consume(piece.size());
  if (answer_.size() + piece.size() > most + kGrpcFrame) return relay_.Refuse(TooLarge("the answer", most));
  if (!relay_.Keep(piece.size())) return relay_.Refuse(ToGrpcStatus(BusyStatus()));
  answer_.append(piece.data(), piece.size());
}

grpc::Status UnaryRelay::Attempt::StatusAtEnd() const {
  if (!trailers_.status.empty()) return trailers_.Decode();
  if (!http_status_.empty() && http_status_ != "200") return StatusOfHttp(http_status_);
  return {grpc::StatusCode::INTERNAL, "the service ended its answer without a status"};
}

void UnaryRelay::Attempt::PassOn(ClientCall& call) {
  Fields fields;
  for (const auto& [name, value] : fields_) fields.push_back({name, value});
  call.SendHead(fields);
  call.Give(std::move(answer_));
  call.Finish(trailers_);
}

}  // namespace

std::unique_ptr<Relay> CarryUnary(ClientCall& call, BackendPool& pool, const Route& route, Admission admission) {
  return std::make_unique<UnaryRelay>(call, pool, route, std::move(admission));
}

}  // namespace perennial::gateway::http2
