#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/strings/string_view.h"
#include "gateway/gatekeeper.h"

namespace perennial::gateway {

// Whether a piece of request metadata goes on to the service: only what identifies and traces a request. Never binary
// metadata, and no byte that gRPC would not have sent itself: it ends the process that tries to send one.
bool IsForwarded(absl::string_view key, absl::string_view value);

// Whether gRPC sends a value as it is.
bool IsPrintable(absl::string_view value);

// Copies what IsForwarded() allows, and says who calls and which trace the call belongs to: whatever the client claims of
// the first is dropped, as that key is not forwarded. Before the call of `to` starts.
void ForwardRequestMetadata(const grpc::CallbackServerContext& from, const Admission& admission,
                            grpc::ClientContext& to);

// The same for the metadata that a service answers with. In the reaction to `from`'s initial metadata.
void ForwardInitialMetadata(const grpc::ClientContext& from, grpc::CallbackServerContext& to);

}  // namespace perennial::gateway
