#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/status.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "common/server/worker_pool.h"
#include "health-svc/revision_waiters.h"

namespace perennial::health {

// ServeUnary for requests with a min_facts_revision: waits for it without holding a thread. A request with a fault
// (`checked` is not OK) is answered at once.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* ServeAtRevision(RevisionWaiters& waiters, WorkerPool& pool,
                                          grpc::CallbackServerContext* context, const Request* request,
                                          Response* response, const absl::Status& checked, Handler handle) {
  if (checked.ok() && request->min_facts_revision() == 0) {
    return ServeUnary(pool, context, request, response, std::move(handle));
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (!checked.ok()) {
    reactor->Finish(ToGrpcStatus(checked));
    return reactor;
  }
  const auto run = [=, handle = std::move(handle)]() mutable {
    if (context->IsCancelled()) return reactor->Finish(grpc::Status::CANCELLED);
    const DeadlineScope deadline(absl::FromChrono(context->deadline()));
    absl::StatusOr<Response> result = HandleFor<Response>(*context, *request, handle);
    if (!result.ok()) return reactor->Finish(ToGrpcStatus(result.status()));
    *response = *std::move(result);
    reactor->Finish(grpc::Status::OK);
  };
  const bool waiting = waiters.Wait(request->min_facts_revision(), DeadlineOf(*context),
                                    [reactor, run, &pool](const absl::Status& reached) {
                                      if (!reached.ok()) return reactor->Finish(ToGrpcStatus(reached));
                                      if (!pool.TryRun(run)) reactor->Finish(ToGrpcStatus(BusyStatus()));
                                    });
  if (!waiting) reactor->Finish(ToGrpcStatus(BusyStatus()));
  return reactor;
}

}  // namespace perennial::health
