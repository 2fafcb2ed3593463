#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/strings/string_view.h"

namespace perennial::gateway {

// Whether a piece of request metadata goes on to the service: only what identifies and traces a request. Never binary
// metadata, and no byte that gRPC would not have sent itself: it ends the process that tries to send one.
bool IsForwarded(absl::string_view key, absl::string_view value);

// Copies what IsForwarded() allows. Before the call of `to` starts.
void ForwardRequestMetadata(const grpc::CallbackServerContext& from, grpc::ClientContext& to);

// The same for the metadata that a service answers with. In the reaction to `from`'s initial metadata.
void ForwardInitialMetadata(const grpc::ClientContext& from, grpc::CallbackServerContext& to);

}  // namespace perennial::gateway
