#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/server/grpc_status.h"
#include "common/server/serve_unary.h"
#include "health-svc/shard/shards.h"

namespace perennial::health {

// Hands a call on to another replica and its answer back. `call(replica, context, done)` starts it.
template <class Call>
grpc::ServerUnaryReactor* ForwardTo(const Shards& shards, int shard, grpc::CallbackServerContext* context, Call call) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::shared_ptr<grpc::ClientContext> client = Shards::MakeContext(context, kLongestCall);
  call(shards.replica(shard), client.get(), [client, reactor, &shards, shard](const grpc::Status& status) {
    reactor->Finish(status.ok() ? status : shards.Explained(shard, status));
  });
  return reactor;
}

// Asks all replicas, this one too, and answers with what they say together: all of it, or an error. `call(replica,
// shard, context, answer, done)` starts a call, which may take as long as `longest`; `merge(answers, response)` puts the
// answers, by shard, together.
template <class Response, class Call, class Merge>
grpc::ServerUnaryReactor* GatherFromAll(const Shards& shards, grpc::CallbackServerContext* context, Response* response,
                                        Call call, Merge merge, std::chrono::milliseconds longest = kLongestCall) {
  struct Gathering {
    Mutex mu;
    int missing ABSL_GUARDED_BY(mu) = 0;
    grpc::Status status ABSL_GUARDED_BY(mu);
    std::vector<Response> answers;  // each written by its own call, read after the last
    std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  };
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto gathering = std::make_shared<Gathering>();
  gathering->answers.resize(static_cast<std::size_t>(shards.count()));
  {
    const MutexLock lock(gathering->mu);
    gathering->missing = shards.count();
  }
  for (int i = 0; i < shards.count(); ++i) gathering->contexts.push_back(Shards::MakeContext(context, longest));
  for (int i = 0; i < shards.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    call(shards.replica(i), i, gathering->contexts[at].get(), &gathering->answers[at],
         [gathering, reactor, response, merge, i, &shards](const grpc::Status& status) {
           grpc::Status all;
           {
             const MutexLock lock(gathering->mu);
             if (!status.ok() && gathering->status.ok()) gathering->status = shards.Explained(i, status);
             if (--gathering->missing > 0) return;
             all = gathering->status;
           }
           if (all.ok()) {
             all = ToGrpcStatus(CallSafely([&]() -> absl::Status { return merge(gathering->answers, response); }));
           }
           reactor->Finish(all);
         });
  }
  return reactor;
}

}  // namespace perennial::health
