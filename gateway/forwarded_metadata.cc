#include "gateway/forwarded_metadata.h"

#include <algorithm>
#include <string>

#include "common/server/call_metadata.h"

namespace perennial::gateway {
namespace {

// Not constexpr: with -fsanitize=null GCC 12 does not take another file's array for a constant.
const absl::string_view kKeys[] = {"x-request-id", kTraceparentKey, kTracestateKey};
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
  const auto& metadata = from.client_metadata();
  const auto first = [&metadata](absl::string_view key) -> absl::string_view {
    const auto found = metadata.find(grpc::string_ref(key.data(), key.size()));
    return found == metadata.end() ? absl::string_view() : View(found->second);
  };
  // What belongs to a trace that is not continued would be wrong about the new one.
  const bool traced = IsTraceparent(first(kTraceparentKey));
  for (const absl::string_view key : kKeys) {
    // One value of each only: a service closes the connection, which all callers share, on more metadata than it takes.
    const absl::string_view value = first(key);
    if (key == kTraceparentKey || (key == kTracestateKey && !traced) || value.empty() || !IsForwarded(key, value)) continue;
    to.AddMetadata(std::string(key), std::string(value));
  }
  to.AddMetadata(kTraceparentKey, admission.traceparent);
  if (!admission.caller.name.empty()) to.AddMetadata(kCallerKey, admission.caller.name);
}

std::string PeerOf(const grpc::ServerContextBase& context) {
  const auto found = context.client_metadata().find(kPeerKey);
  return found == context.client_metadata().end() ? std::string() : std::string(View(found->second));
}

}  // namespace perennial::gateway
