#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/strings/string_view.h"
#include "gateway/gatekeeper.h"

namespace perennial::gateway {

// Whether a piece of request metadata goes on to the service: only what identifies and traces a request. Never binary
// metadata, and no byte that gRPC would not have sent itself: it ends the process that tries to send one.
bool IsForwarded(absl::string_view key, absl::string_view value);

// Whether gRPC sends a value as it is.
bool IsPrintable(absl::string_view value);

// Metadata by which the gateway tells its own services the address of who calls. Only they see it.
inline constexpr char kPeerKey[] = "x-perennial-peer";
std::string PeerOf(const grpc::ServerContextBase& context);

// Copies what IsForwarded() allows, and says who calls and which trace the call belongs to: whatever the client claims of
// the first is dropped, as that key is not forwarded. Before the call of `to` starts.
void ForwardRequestMetadata(const grpc::CallbackServerContext& from, const Admission& admission,
                            grpc::ClientContext& to);

}  // namespace perennial::gateway
