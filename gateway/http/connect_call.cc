#include "gateway/http/connect_call.h"

#include <utility>
#include <vector>

#include "common/server/grpc_status.h"
#include "gateway/http/json_codec.h"

namespace perennial::gateway::http {
namespace {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string ToString(grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  buffer.Dump(&slices);
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// A message as the caller wants it.
absl::StatusOr<std::string> Encode(const CallParts& parts, grpc::ByteBuffer& response) {
  std::string binary = ToString(response);
  if (parts.type.codec == Codec::kProto) return binary;
  return BinaryToJson(*parts.method->output_type(), binary);
}

struct UnaryCall {
  std::unique_ptr<grpc::ClientContext> context;
  CallParts parts;
  grpc::ByteBuffer request;
  grpc::ByteBuffer response;

  void Answer(const grpc::Status& status) {
    if (!status.ok()) return RespondError(*parts.exchange, std::move(parts.headers), status);
    auto body = Encode(parts, response);
    if (!body.ok()) return RespondError(*parts.exchange, std::move(parts.headers), ToGrpcStatus(body.status()));
    parts.headers.emplace_back("Content-Type", http::ToString(parts.type));
    parts.exchange->Respond(200, std::move(parts.headers), *std::move(body));
  }
};

// Owns itself until OnDone. After OnDone only the exchange may still report a written piece, which touches nothing
// then.
class StreamCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                         public std::enable_shared_from_this<StreamCall> {
 public:
  StreamCall(std::unique_ptr<grpc::ClientContext> context, CallParts parts)
      : context_(std::move(context)), parts_(std::move(parts)), request_(ToBuffer(parts_.request)) {}

  void Start(grpc::GenericStub& stub) {
    self_ = shared_from_this();
    parts_.exchange->OnClosed([weak = weak_from_this()] {
      if (const auto call = weak.lock()) call->context_->TryCancel();
    });
    stub.PrepareBidiStreamingCall(context_.get(), parts_.path, {}, this);
    // Holds for the reads, which go on from the exchange's reports.
    AddHold();
    StartWriteLast(&request_, {});
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return RemoveHold();
    auto message = Encode(parts_, response_);
    response_.Clear();
    if (!message.ok()) {
      failure_ = ToGrpcStatus(message.status());
      context_->TryCancel();
      return RemoveHold();
    }
    StartHead();
    parts_.exchange->Write(Envelope(0, *message), [report = std::make_shared<Report>(shared_from_this())](
                                                      bool written) { report->Say(written); });
  }

  void OnDone(const grpc::Status& status) override {
    StartHead();
    parts_.exchange->End(EndOfStream(failure_.ok() ? status : failure_));
    auto done = std::move(parts_.done);
    parts_.exchange.reset();
    self_.reset();
    done();
  }

 private:
  // Tells the call what became of a piece; of one that a stopping server dropped, that it was not written.
  class Report {
   public:
    explicit Report(std::shared_ptr<StreamCall> call) : call_(std::move(call)) {}
    ~Report() { Say(false); }
    void Say(bool written) {
      const auto call = std::exchange(call_, nullptr);
      if (call == nullptr) return;
      if (written) return call->StartRead(&call->response_);
      call->context_->TryCancel();
      call->RemoveHold();
    }

   private:
    std::shared_ptr<StreamCall> call_;
  };

  void StartHead() {
    if (std::exchange(started_, true)) return;
    parts_.headers.emplace_back("Content-Type", http::ToString(parts_.type));
    parts_.exchange->StartStream(200, std::move(parts_.headers));
  }

  const std::unique_ptr<grpc::ClientContext> context_;
  CallParts parts_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Status failure_;
  bool started_ = false;  // reads follow one another, and OnDone comes after the last
  std::shared_ptr<StreamCall> self_;
};

}  // namespace

void StartUnaryCall(grpc::GenericStub& stub, std::unique_ptr<grpc::ClientContext> context, CallParts parts) {
  const auto call = std::make_shared<UnaryCall>();
  call->context = std::move(context);
  call->parts = std::move(parts);
  call->request = ToBuffer(call->parts.request);
  call->parts.exchange->OnClosed([weak = std::weak_ptr<UnaryCall>(call)] {
    if (const auto present = weak.lock()) present->context->TryCancel();
  });
  stub.UnaryCall(call->context.get(), call->parts.path, {}, &call->request, &call->response,
                 [call](const grpc::Status& status) mutable {
                   call->Answer(status);
                   auto done = std::move(call->parts.done);
                   call->parts.exchange.reset();
                   done();
                 });
}

void StartStreamCall(grpc::GenericStub& stub, std::unique_ptr<grpc::ClientContext> context, CallParts parts) {
  std::make_shared<StreamCall>(std::move(context), std::move(parts))->Start(stub);
}

void RespondError(HttpExchange& exchange, Headers headers, const grpc::Status& status) {
  headers.emplace_back("Content-Type", "application/json");
  exchange.Respond(HttpStatusOf(status.error_code()), std::move(headers), ErrorJson(status));
}

}  // namespace perennial::gateway::http
