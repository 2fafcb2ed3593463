#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/call_info.h"

namespace perennial {

// Metadata by which the gateway tells the services who calls. Nobody else may set it: the gateway drops a client's, and
// with mTLS nobody but our processes reaches a service.
inline constexpr char kCallerKey[] = "x-perennial-caller";
inline constexpr char kTraceparentKey[] = "traceparent";

// Whether `text` is a traceparent of version 00 or one that starts like it, with ids that are not all zero (W3C Trace
// Context).
bool IsTraceparent(absl::string_view text);

// A new traceparent: of the trace of `parent` when that is valid, else of a new trace.
std::string ChildOf(absl::string_view parent);

// What the metadata of a call tells.
CallInfo CallInfoOf(const grpc::ServerContextBase& context, std::string method);

// Sends caller and trace of the current call on with a call to another service.
void AddCallMetadata(grpc::ClientContext& context);

// "package.Service/Method" of the method that takes requests of this type; the type's name where no service has one.
std::string MethodOf(const google::protobuf::Descriptor& request);

// The field of a request that says who wants the change ("author", "actor"); null when there is none.
const google::protobuf::FieldDescriptor* AuthorFieldOf(const google::protobuf::Descriptor& request);

}  // namespace perennial
