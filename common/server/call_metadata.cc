#include "common/server/call_metadata.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace perennial {
namespace {

constexpr std::size_t kLength = 55;  // 00-<32>-<16>-<2>

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsZero(absl::string_view text) { return text.find_first_not_of('0') == absl::string_view::npos; }

std::string ValueOf(const grpc::ServerContextBase& context, const char* key) {
  const auto value = context.client_metadata().find(key);
  return value == context.client_metadata().end() ? std::string()
                                                  : std::string(value->second.data(), value->second.size());
}

// gRPC ends the process that tries to send another byte.
bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void Send(const CallInfo& call, grpc::ClientContext& context) {
  if (!call.caller.empty() && IsPrintable(call.caller)) context.AddMetadata(kCallerKey, call.caller);
  if (call.traceparent.empty() || !IsPrintable(call.traceparent)) return;
  context.AddMetadata(kTraceparentKey, call.traceparent);
  if (!call.tracestate.empty() && IsPrintable(call.tracestate)) context.AddMetadata(kTracestateKey, call.tracestate);
}

}  // namespace

bool IsTraceparent(absl::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const absl::string_view version = text.substr(0, 2);
  if (!IsLowerHex(version) || version == "ff") return false;
  if (version == "00" ? text.size() != kLength : text.size() > kLength && text[kLength] != '-') return false;
  const absl::string_view trace = text.substr(3, 32);
  const absl::string_view span = text.substr(36, 16);
  return IsLowerHex(trace) && IsLowerHex(span) && IsLowerHex(text.substr(53, 2)) && !IsZero(trace) && !IsZero(span);
}

std::string ChildOf(absl::string_view parent, bool sampled) {
  thread_local absl::BitGen random;
  const auto id = [&] { return absl::StrFormat("%016x", absl::Uniform<std::uint64_t>(absl::IntervalClosed, random, 1, ~0ULL)); };
  if (!IsTraceparent(parent)) return absl::StrCat("00-", id(), id(), "-", id(), sampled ? "-01" : "-00");
  return absl::StrCat("00-", parent.substr(3, 32), "-", id(), "-", parent.substr(53, 2));
}

std::string TraceparentOf(const grpc::ServerContextBase& context) {
  std::string traceparent = ValueOf(context, kTraceparentKey);
  return IsTraceparent(traceparent) ? traceparent : ChildOf("");
}

CallInfo CallInfoOf(const grpc::ServerContextBase& context, std::string method) {
  CallInfo info{.caller = ValueOf(context, kCallerKey),
                .traceparent = ValueOf(context, kTraceparentKey),
                .tracestate = ValueOf(context, kTracestateKey),
                .method = std::move(method),
                .request = nullptr};
  if (IsTraceparent(info.traceparent)) return info;
  info.traceparent.clear();
  info.tracestate.clear();  // of no trace
  return info;
}

bool IsCopy(const grpc::ServerContextBase& context) {
  return context.client_metadata().find(kCopyKey) != context.client_metadata().end();
}

void AddCallMetadata(grpc::ClientContext& context) {
  if (const CallInfo* const call = CurrentCall(); call != nullptr) Send(*call, context);
}

void PassCallOn(const grpc::ServerContextBase& from, grpc::ClientContext& to) { Send(CallInfoOf(from, ""), to); }

std::unique_ptr<grpc::ClientContext> PartOf(const grpc::CallbackServerContext& from,
                                            std::chrono::system_clock::time_point deadline) {
  auto context = grpc::ClientContext::FromCallbackServerContext(from);
  context->set_deadline(std::min(from.deadline(), deadline));
  PassCallOn(from, *context);
  return context;
}

std::string MethodOf(const google::protobuf::Descriptor& request) {
  const google::protobuf::FileDescriptor& file = *request.file();
  for (int i = 0; i < file.service_count(); ++i) {
    for (int j = 0; j < file.service(i)->method_count(); ++j) {
      if (file.service(i)->method(j)->input_type() == &request) {
        return absl::StrCat(file.service(i)->full_name(), "/", file.service(i)->method(j)->name());
      }
    }
  }
  return request.full_name();
}

const google::protobuf::FieldDescriptor* AuthorFieldOf(const google::protobuf::Descriptor& request) {
  for (const char* name : {"author", "actor"}) {
    const google::protobuf::FieldDescriptor* const field = request.FindFieldByName(name);
    if (field != nullptr && !field->is_repeated() &&
        field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING) {
      return field;
    }
  }
  return nullptr;
}

}  // namespace perennial
