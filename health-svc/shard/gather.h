#pragma once

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
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

// A change of the configuration: the replica that keeps it makes the change, whoever is asked. `own` makes it here,
// `call` as of ForwardTo. UNAVAILABLE while the keeper is away. One that another replica hands on is never handed on
// again.
template <class Own, class Call>
grpc::ServerUnaryReactor* ChangeAtKeeper(const Shards& shards, grpc::CallbackServerContext* context, Own own,
                                         Call call) {
  if (shards.KeepsConfiguration()) return own();
  if (!Shards::IsOfReplica(*context)) return ForwardTo(shards, Shards::kKeeper, context, std::move(call));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(shards.KeepsNoConfiguration()));
  return reactor;
}

// Asks all replicas, this one too, and answers with what they say together: all of it, or an error. `call(replica,
// shard, context, answer, done)` starts a call, which may take as long as `longest`; `merge(answers, response)` puts
// the answers, by shard, together.
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

// A call about several resources by their names, as BatchGet: asks each replica for those of its own and puts the
// answers in the order of the request. `shard_of(name)` says whose one is; `call(replica, context, part, answer, done)`
// starts a call; `answers_of(response)` is the list that answers `names`.
template <class Request, class Response, class ShardOf, class Call, class AnswersOf>
grpc::ServerUnaryReactor* GatherByName(const Shards& shards, grpc::CallbackServerContext* context,
                                       const Request* request, Response* response, ShardOf shard_of, Call call,
                                       AnswersOf answers_of) {
  Request empty = *request;
  empty.clear_names();
  const auto parts = std::make_shared<std::vector<Request>>(static_cast<std::size_t>(shards.count()), empty);
  std::vector<std::size_t> from;  // by name: its shard
  for (const std::string& name : request->names()) {
    from.push_back(static_cast<std::size_t>(shard_of(name)));
    parts->at(from.back()).add_names(name);
  }
  return GatherFromAll(
      shards, context, response,
      [parts, call](const auto& replica, int shard, auto* client, auto* answer, auto done) {
        const auto& part = parts->at(static_cast<std::size_t>(shard));
        if (part.names().empty()) return done(grpc::Status::OK);
        call(replica, client, &part, answer, std::move(done));
      },
      [from, parts, answers_of](std::vector<Response>& answers, Response* out) -> absl::Status {
        std::vector<int> next(answers.size());
        for (const std::size_t shard : from) {
          *answers_of(*out)->Add() = std::move(*answers_of(answers[shard])->Mutable(next[shard]++));
        }
        return absl::OkStatus();
      });
}

// Puts a page together from the same page of all replicas: the first `page_size` of all rows in the order of `before(a,
// b)`, and whether there are more after it. `rows_of(response)` is the list of rows. What an answer says beside rows
// and token is the caller's to add up, but for total_size and filter_reading. `token_after(row)` makes the token of the
// next page.
template <class Response, class RowsOf, class Before, class TokenAfter>
void MergePages(std::vector<Response>& answers, int page_size, RowsOf rows_of, Before before, TokenAfter token_after,
                Response* out) {
  using Row = typename std::remove_pointer_t<decltype(rows_of(*out))>::value_type;
  std::vector<Row*> rows;
  std::int64_t total = 0;
  bool more = false;
  for (Response& answer : answers) {
    total += answer.total_size();
    more = more || !answer.next_page_token().empty();
    for (Row& row : *rows_of(answer)) rows.push_back(&row);
  }
  std::sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) { return before(*a, *b); });
  if (rows.size() > static_cast<std::size_t>(page_size)) {
    more = true;
    rows.resize(static_cast<std::size_t>(page_size));
  }
  if (more && !rows.empty()) out->set_next_page_token(token_after(*rows.back()));
  for (Row* row : rows) *rows_of(*out)->Add() = std::move(*row);
  if (answers.front().has_filter_reading()) *out->mutable_filter_reading() = answers.front().filter_reading();
  out->set_total_size(total);
}

}  // namespace perennial::health
