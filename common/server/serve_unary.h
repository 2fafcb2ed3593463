#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/call_deadline.h"
#include "common/base/error_details.h"
#include "common/server/audited_change.h"
#include "common/server/call_metadata.h"
#include "common/server/grpc_status.h"
#include "common/server/worker_pool.h"

namespace perennial {

// Longest that a call without a deadline, or with a later one, may take.
constexpr std::chrono::seconds kLongestCall{30};

// Deadline of a call: the caller's, at most kLongestCall from now.
inline std::chrono::system_clock::time_point DeadlineOf(const grpc::CallbackServerContext& context) {
  return std::min(context.deadline(), std::chrono::system_clock::now() + kLongestCall);
}

// Longest that a call may take that reads the history of all accounts, such as a back-test.
constexpr std::chrono::minutes kLongestAnalysis{15};

// The same for such calls.
inline std::chrono::system_clock::time_point LongDeadlineOf(const grpc::CallbackServerContext& context) {
  return std::min<std::chrono::system_clock::time_point>(context.deadline(),
                                                         std::chrono::system_clock::now() + kLongestAnalysis);
}

inline absl::Status BusyStatus() {
  return WithRetryAfter(WithReason(absl::ResourceExhaustedError("server is busy; retry with back-off"), "SERVER_BUSY"), 100);
}

// Turns what a handler throws (a library's exception, nothing of ours) into INTERNAL. gRPC's callback API would answer
// UNIMPLEMENTED.
template <class Handler>
auto CallSafely(Handler&& handler) -> decltype(handler()) {
  try {
    return handler();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("exception: ", error.what()));
  }
}

// Handles `request` on behalf of who sent it: the thread knows the call meanwhile (CurrentCall), and a request that does not
// say who wants the change ("author", "actor") is handled as one that names the caller. What it changed goes to the audit trail
// (NoteHandled), where no other replica tells of it.
template <class Response, class Request, class Handler>
absl::StatusOr<Response> HandleFor(const grpc::ServerContextBase& context, const Request& request, Handler& handle) {
  static const std::string& method = *new std::string(MethodOf(*Request::descriptor()));
  static const google::protobuf::FieldDescriptor* const author = AuthorFieldOf(*Request::descriptor());
  static const bool audited = IsAudited(method);
  CallInfo info = CallInfoOf(context, method);
  info.request = &request;
  info.audited = audited && !IsCopy(context);
  const CallScope scope(info);
  const auto handle_safely = [&](const Request& asked) {
    info.request = &asked;
    auto result = CallSafely([&]() -> absl::StatusOr<Response> { return handle(asked); });
    if (info.audited) NoteHandled(info, result.ok() ? &*result : nullptr);
    return result;
  };
  if (author == nullptr || info.caller.empty() || !request.GetReflection()->GetString(request, author).empty()) {
    return handle_safely(request);
  }
  Request with_author = request;
  with_author.GetReflection()->SetString(&with_author, author, info.caller);
  return handle_safely(with_author);
}

// Runs `handle(*request)`, which returns absl::StatusOr<Response>, on `pool` and finishes the call with its result.
//
// The one place that touches a unary reactor. `request`, `response` and `context` are gone once Finish() is called, so
// nothing follows it.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* ServeUnary(WorkerPool& pool, grpc::CallbackServerContext* context, const Request* request,
                                     Response* response, Handler handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const bool queued = pool.TryRun([=, handle = std::move(handle)]() mutable {
    // The caller may have given up while this waited in the queue.
    if (context->IsCancelled()) return reactor->Finish(grpc::Status::CANCELLED);
    const DeadlineScope deadline(absl::FromChrono(context->deadline()));
    absl::StatusOr<Response> result = HandleFor<Response>(*context, *request, handle);
    if (!result.ok()) return reactor->Finish(ToGrpcStatus(result.status()));
    *response = *std::move(result);
    reactor->Finish(grpc::Status::OK);
  });
  if (!queued) reactor->Finish(ToGrpcStatus(BusyStatus()));
  return reactor;
}

// The same for handlers that never block (reads from memory): runs on gRPC's own thread, without a hand-over.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* ServeInline(grpc::CallbackServerContext* context, const Request* request, Response* response,
                                      Handler handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const absl::Status status = CallSafely([&]() -> absl::Status { return handle(*request, response); });
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace perennial
