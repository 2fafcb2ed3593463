#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "common/server/serve_unary.h"
#include "segment-svc/freshness_gate.h"

namespace perennial::segments {

// A revision that a call waits for at a gate.
struct AwaitedRevision {
  FreshnessGate* gate;
  std::int64_t revision;
};

// FreshnessGate::Wait() for each in turn, the last one first: `then` gets OK when all are reached, else the first error.
inline void WaitForAll(std::vector<AwaitedRevision> awaited, FreshnessGate::Time deadline, FreshnessGate::Then then) {
  while (!awaited.empty() && awaited.back().gate->Reached(awaited.back().revision)) awaited.pop_back();
  if (awaited.empty()) return then(absl::OkStatus());
  const AwaitedRevision next = awaited.back();
  awaited.pop_back();
  next.gate->Wait(next.revision, deadline,
                  [awaited = std::move(awaited), deadline, then = std::move(then)](const absl::Status& status) mutable {
                    if (!status.ok()) return then(status);
                    WaitForAll(std::move(awaited), deadline, std::move(then));
                  });
}

// ServeUnary() for a request that first waits for revisions, with no thread held up.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* ServeAfter(std::vector<AwaitedRevision> awaited, WorkerPool& pool,
                                     grpc::CallbackServerContext* context, const Request* request, Response* response,
                                     Handler handle) {
  std::erase_if(awaited, [](const AwaitedRevision& one) { return one.gate->Reached(one.revision); });
  if (awaited.empty()) return ServeUnary(pool, context, request, response, std::move(handle));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto run = [=, handle = std::move(handle)]() mutable {
    if (context->IsCancelled()) return reactor->Finish(grpc::Status::CANCELLED);
    const DeadlineScope deadline(absl::FromChrono(context->deadline()));
    absl::StatusOr<Response> result = HandleFor<Response>(*context, *request, handle);
    if (!result.ok()) return reactor->Finish(ToGrpcStatus(result.status()));
    *response = *std::move(result);
    reactor->Finish(grpc::Status::OK);
  };
  WaitForAll(std::move(awaited), DeadlineOf(*context),
             [&pool, reactor, run = std::move(run)](const absl::Status& status) mutable {
               if (!status.ok()) return reactor->Finish(ToGrpcStatus(status));
               if (!pool.TryRun(std::move(run))) reactor->Finish(ToGrpcStatus(BusyStatus()));
             });
  return reactor;
}

// The same for a request with min_facts_revision alone.
template <class Request, class Response, class Handler>
grpc::ServerUnaryReactor* ServeFresh(FreshnessGate& gate, WorkerPool& pool, grpc::CallbackServerContext* context,
                                     const Request* request, Response* response, Handler handle) {
  return ServeAfter({{&gate, request->min_facts_revision()}}, pool, context, request, response, std::move(handle));
}

}  // namespace perennial::segments
