#include "gateway/forwarded_metadata.h"

#include <algorithm>
#include <string>

namespace perennial::gateway {
namespace {

constexpr absl::string_view kKeys[] = {"x-request-id", "traceparent", "tracestate"};
constexpr std::size_t kMaxValue = 512;

absl::string_view View(grpc::string_ref text) { return {text.data(), text.size()}; }

}  // namespace

bool IsForwarded(absl::string_view key, absl::string_view value) {
  const auto printable = [](char c) { return c >= 0x20 && c <= 0x7e; };
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys) && value.size() <= kMaxValue &&
         std::all_of(value.begin(), value.end(), printable);
}

void ForwardRequestMetadata(const grpc::CallbackServerContext& from, grpc::ClientContext& to) {
  for (const auto& [key, value] : from.client_metadata()) {
    if (IsForwarded(View(key), View(value))) {
      to.AddMetadata(std::string(View(key)), std::string(View(value)));
    }
  }
}

void ForwardInitialMetadata(const grpc::ClientContext& from, grpc::CallbackServerContext& to) {
  for (const auto& [key, value] : from.GetServerInitialMetadata()) {
    if (IsForwarded(View(key), View(value))) {
      to.AddInitialMetadata(std::string(View(key)), std::string(View(value)));
    }
  }
}

}  // namespace perennial::gateway
