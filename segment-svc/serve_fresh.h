#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "common/server/serve_unary.h"
#include "segment-svc/freshness_gate.h"

namespace perennial::segments {

// ServeUnary() for a request with min_facts_revision: first waits for it at `gate`, with no thread held up.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* ServeFresh(FreshnessGate& gate, WorkerPool& pool, grpc::CallbackServerContext* context,
                                     const Request* request, Response* response, Handler handle) {
  if (gate.Reached(request->min_facts_revision())) {
    return ServeUnary(pool, context, request, response, std::move(handle));
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto run = [=, handle = std::move(handle)]() mutable {
    if (context->IsCancelled()) return reactor->Finish(grpc::Status::CANCELLED);
    absl::StatusOr<Response> result = CallSafely([&]() -> absl::StatusOr<Response> { return handle(*request); });
    if (!result.ok()) return reactor->Finish(ToGrpcStatus(result.status()));
    *response = *std::move(result);
    reactor->Finish(grpc::Status::OK);
  };
  gate.Wait(request->min_facts_revision(), DeadlineOf(*context),
            [&pool, reactor, run = std::move(run)](const absl::Status& status) mutable {
              if (!status.ok()) return reactor->Finish(ToGrpcStatus(status));
              if (!pool.TryRun(std::move(run))) reactor->Finish(ToGrpcStatus(BusyStatus()));
            });
  return reactor;
}

}  // namespace perennial::segments
