#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/base/call_info.h"

namespace perennial {

// Metadata by which the gateway tells the services who calls. Nobody else may set it: the gateway drops a client's, and
// with mTLS nobody but our processes reaches a service.
inline constexpr char kCallerKey[] = "x-perennial-caller";
inline constexpr char kTraceparentKey[] = "traceparent";
inline constexpr char kTracestateKey[] = "tracestate";
// Marks a call that a replica sends to others to have them make the change that was asked of it: it tells of the change, they do
// not.
inline constexpr char kCopyKey[] = "x-perennial-copy";

// Whether `text` is a traceparent of version 00 or one that starts like it, with ids that are not all zero (W3C Trace
// Context).
bool IsTraceparent(absl::string_view text);

// A new traceparent: of the trace of `parent` when that is valid, else of a new trace, which is recorded when `sampled`.
std::string ChildOf(absl::string_view parent, bool sampled = true);

// What the metadata of a call says of its trace where that is valid, else a new one.
std::string TraceparentOf(const grpc::ServerContextBase& context);

// What the metadata of a call tells.
CallInfo CallInfoOf(const grpc::ServerContextBase& context, std::string method);

// Whether another replica made the same change and tells of it.
bool IsCopy(const grpc::ServerContextBase& context);

// Sends caller and trace of the current call (CurrentCall) on with a call to another service; nothing when there is none. Every
// call that is made on behalf of another one takes this or PassCallOn().
void AddCallMetadata(grpc::ClientContext& context);

// The same of the call that `from` belongs to, for where no thread works for it. `from` is there until its call is finished.
void PassCallOn(const grpc::ServerContextBase& from, grpc::ClientContext& to);

// The context of a call that is part of answering `from`: ends with it, by `deadline` at the latest, and tells of it.
std::unique_ptr<grpc::ClientContext> PartOf(const grpc::CallbackServerContext& from,
                                            std::chrono::system_clock::time_point deadline);

// "package.Service/Method" of the method that takes requests of this type; the type's name where no service has one.
std::string MethodOf(const google::protobuf::Descriptor& request);

// The field of a request that says who wants the change ("author", "actor"); null when there is none.
const google::protobuf::FieldDescriptor* AuthorFieldOf(const google::protobuf::Descriptor& request);

}  // namespace perennial
