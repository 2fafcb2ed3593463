#include "gateway/unary_forward.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "common/server/serve_unary.h"
#include "gateway/forwarded_metadata.h"

namespace perennial::gateway {
namespace {

using google::protobuf::internal::WireFormatLite;

constexpr int kMostAttempts = 3;
constexpr std::chrono::milliseconds kFirstPause{50};

// Whether field `number` of an encoded message, a string, is there and not empty.
bool HasText(const grpc::ByteBuffer& message, int number) {
  std::vector<grpc::Slice> slices;
  if (!message.Dump(&slices).ok()) return false;
  std::string bytes;
  bytes.reserve(message.Length());
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
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

}  // namespace

grpc::ServerGenericBidiReactor* UnaryForward::Start(const Route& route, grpc::GenericCallbackServerContext& context,
                                                    Admission admission, std::function<void()> over) {
  auto* call = new UnaryForward(route, context, std::move(admission), std::move(over));
  call->StartRead(&call->request_);
  return call;
}

UnaryForward::UnaryForward(const Route& route, grpc::GenericCallbackServerContext& context, Admission admission,
                           std::function<void()> over)
    : route_(route),
      caller_context_(context),
      path_(context.method()),
      admission_(std::move(admission)),
      deadline_(route.analysis ? LongDeadlineOf(context) : DeadlineOf(context)),
      over_(std::move(over)) {}

void UnaryForward::OnReadDone(bool ok) {
  if (ok) return Attempt();
  route_.backend->breaker().Report(CircuitBreaker::Outcome::kUnclear);
  Finish({grpc::StatusCode::INVALID_ARGUMENT, "there is no request"});
}

void UnaryForward::OnCancel() {
  MutexLock lock(mu_);
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

void UnaryForward::OnDone() {
  const std::function<void()> over = std::move(over_);
  delete this;
  over();
}

void UnaryForward::Attempt() {
  grpc::ClientContext* context = nullptr;
  {
    MutexLock lock(mu_);
    if (!cancelled_) {
      context_ = std::make_unique<grpc::ClientContext>();
      context = context_.get();
    }
  }
  if (context == nullptr) {
    route_.backend->breaker().Report(CircuitBreaker::Outcome::kUnclear);
    return Finish(grpc::Status::CANCELLED);
  }
  ++attempts_;
  begun_ = std::chrono::steady_clock::now();
  context->set_deadline(deadline_);
  ForwardRequestMetadata(caller_context_, admission_, *context);
  route_.backend->stub(false).UnaryCall(context, path_, {}, &request_, &response_,
                                        [this](const grpc::Status& status) { OnAnswer(status); });
}

void UnaryForward::OnAnswer(const grpc::Status& status) {
  route_.backend->breaker().Report(Backend::OutcomeOf(status, std::chrono::steady_clock::now() - begun_));
  if (status.ok()) {
    route_.backend->retries().Earn();
  } else if (TryAgain(status)) {
    return;
  }
  FinishWith(status);
}

bool UnaryForward::IsCancelled() {
  MutexLock lock(mu_);
  return cancelled_;
}

bool UnaryForward::TryAgain(const grpc::Status& status) {
  if (attempts_ >= kMostAttempts || IsCancelled() || !Backend::IsTransient(status)) return false;
  thread_local absl::BitGen random;
  const auto pause = kFirstPause * (1 << (attempts_ - 1)) * absl::Uniform(random, 0.8, 1.2);
  const auto again = std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::microseconds>(pause);
  if (again >= deadline_ || !IsSafeToRepeat() || !route_.backend->retries().TrySpend()) return false;
  response_.Clear();
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(again, [this](bool) { Attempt(); });
  return true;
}

bool UnaryForward::IsSafeToRepeat() const {
  return route_.policy.reads || (route_.request_id_field != 0 && HasText(request_, route_.request_id_field));
}

void UnaryForward::FinishWith(const grpc::Status& status) {
  // From here on gRPC may delete this at any moment.
  if (!status.ok()) return Finish(IsCancelled() ? status : route_.backend->StatusForCaller(status));
  {
    MutexLock lock(mu_);
    ForwardInitialMetadata(*context_, caller_context_);
  }
  StartWriteAndFinish(&response_, {}, grpc::Status::OK);
}

}  // namespace perennial::gateway
