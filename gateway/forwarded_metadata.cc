#include "gateway/forwarded_metadata.h"

#include <algorithm>
#include <string>

#include "common/server/call_metadata.h"

namespace perennial::gateway {
namespace {

constexpr absl::string_view kKeys[] = {"x-request-id", "traceparent", "tracestate"};
constexpr std::size_t kMaxValue = 512;

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

}  // namespace

bool IsPrintable(absl::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

bool IsForwarded(absl::string_view key, absl::string_view value) {
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys) && value.size() <= kMaxValue &&
         IsPrintable(value);
}

void ForwardRequestMetadata(const grpc::CallbackServerContext& from, const Admission& admission,
                            grpc::ClientContext& to) {
  bool traced = false;
  for (const auto& [key, value] : from.client_metadata()) {
    if (View(key) == kTraceparentKey) traced = traced || IsTraceparent(View(value));
  }
  for (const auto& [key, value] : from.client_metadata()) {
    // What belongs to a trace that is not continued would be wrong about the new one.
    if (View(key) == kTraceparentKey || (View(key) == "tracestate" && !traced)) continue;
    if (IsForwarded(View(key), View(value))) {
      to.AddMetadata(std::string(View(key)), std::string(View(value)));
    }
  }
  to.AddMetadata(kTraceparentKey, admission.traceparent);
  if (!admission.caller.name.empty()) to.AddMetadata(kCallerKey, admission.caller.name);
}

void ForwardInitialMetadata(const grpc::ClientContext& from, grpc::CallbackServerContext& to) {
  for (const auto& [key, value] : from.GetServerInitialMetadata()) {
    if (IsForwarded(View(key), View(value))) {
      to.AddInitialMetadata(std::string(View(key)), std::string(View(value)));
    }
  }
}

}  // namespace perennial::gateway
