#pragma once

#include <google/rpc/status.pb.h>
#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace perennial {

// The same code, message and details as a gRPC status. The message of an INTERNAL or UNKNOWN error stays here: it is logged,
// and the caller is told no detail.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The same as google.rpc.Status, for errors inside an answer.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// A status received from another process.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace perennial
