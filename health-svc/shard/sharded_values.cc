#include "health-svc/shard/sharded_values.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/money.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/server/call_metadata.h"
#include "health-svc/customer_values.h"
#include "health-svc/shard/gather.h"
#include "health-svc/shard/merged_watch.h"
#include "health-svc/value_listing.h"

namespace perennial::health {
namespace {

absl::Status MergeLists(const v1::ListValuesRequest& request, std::vector<v1::ListValuesResponse>& answers,
                        v1::ListValuesResponse* out) {
  PERENNIAL_ASSIGN_OR_RETURN(const ValueOrder order, ParseValueOrder(request.order_by()));
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  std::int64_t known = 0;
  Micros sum = 0;
  for (const v1::ListValuesResponse& answer : answers) {
    known += answer.known_size();
    PERENNIAL_ASSIGN_OR_RETURN(const Micros part, ParseAmount(answer.total_clv().amount()));
    if (__builtin_add_overflow(sum, part, &sum)) return absl::OutOfRangeError("the sum of values is too large");
  }
  MergePages(
      answers, page_size, [](auto& response) { return response.mutable_values(); },
      [&](const auto& a, const auto& b) { return ComesBefore(a, b, order); },
      [&](const auto& last) { return MakePageToken(CursorAfter(last, order), ListKey(request)); }, out);
  out->set_known_size(known);
  out->mutable_total_clv()->set_amount(FormatAmount(sum));
  out->mutable_total_clv()->set_currency_code(answers.front().total_clv().currency_code());
  return absl::OkStatus();
}

// Has every replica do the same, each by itself, and answers with what the first says. This one tells the audit trail of it.
template <class Request, class Response, class Method>
grpc::ServerUnaryReactor* DoAtAll(const Shards& shards, grpc::CallbackServerContext* context, const Request* request,
                                  Response* response, Method method) {
  return GatherFromAll(
      shards, context, response,
      [request, method, own = shards.index()](const auto& replica, int shard, auto* client, auto* answer, auto done) {
        if (shard != own) client->AddMetadata(kCopyKey, "1");
        method(*replica.values->async(), client, request, answer, std::move(done));
      },
      [](std::vector<Response>& answers, Response* out) -> absl::Status {
        *out = std::move(answers.front());
        return absl::OkStatus();
      },
      std::chrono::duration_cast<std::chrono::milliseconds>(kLongestAnalysis));
}

}  // namespace

grpc::ServerUnaryReactor* ShardedValues::GetValue(grpc::CallbackServerContext* context,
                                                  const v1::GetValueRequest* request, v1::GetValueResponse* response) {
  const auto account = AccountOfValueName(request->name());
  if (!account.ok() || Shards::IsOfReplica(*context) || shards_.Owns(*account)) {
    return own_.GetValue(context, request, response);
  }
  return ForwardTo(shards_, shards_.ShardOf(*account), context, [=](const auto& replica, auto* client, auto done) {
    replica.values->async()->GetValue(client, request, response, std::move(done));
  });
}

grpc::ServerUnaryReactor* ShardedValues::BatchGetValue(grpc::CallbackServerContext* context,
                                                       const v1::BatchGetValueRequest* request,
                                                       v1::BatchGetValueResponse* response) {
  // Faults are told by one who sees all names.
  if (Shards::IsOfReplica(*context) || !CustomerValues::Check(*request).ok()) {
    return own_.BatchGetValue(context, request, response);
  }
  return GatherByName(
      shards_, context, request, response,
      [this](const std::string& name) { return shards_.ShardOf(*AccountOfValueName(name)); },
      [](const auto& replica, auto* client, const auto* part, auto* answer, auto done) {
        replica.values->async()->BatchGetValue(client, part, answer, std::move(done));
      },
      [](auto& answer) { return answer.mutable_values(); });
}

grpc::ServerUnaryReactor* ShardedValues::ListValues(grpc::CallbackServerContext* context,
                                                    const v1::ListValuesRequest* request,
                                                    v1::ListValuesResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.ListValues(context, request, response);
  return GatherFromAll(
      shards_, context, response,
      [request](const auto& replica, int, auto* client, auto* answer, auto done) {
        replica.values->async()->ListValues(client, request, answer, std::move(done));
      },
      [request](auto& answers, auto* out) { return MergeLists(*request, answers, out); });
}

grpc::ServerUnaryReactor* ShardedValues::FitRetentionModel(grpc::CallbackServerContext* context,
                                                           const v1::FitRetentionModelRequest* request,
                                                           v1::FitRetentionModelResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.FitRetentionModel(context, request, response);
  return DoAtAll(shards_, context, request, response,
                 [](auto& stub, auto* client, auto* call, auto* answer, auto done) {
                   stub.FitRetentionModel(client, call, answer, std::move(done));
                 });
}

grpc::ServerUnaryReactor* ShardedValues::FitPurchaseModel(grpc::CallbackServerContext* context,
                                                          const v1::FitPurchaseModelRequest* request,
                                                          v1::FitPurchaseModelResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.FitPurchaseModel(context, request, response);
  return DoAtAll(shards_, context, request, response,
                 [](auto& stub, auto* client, auto* call, auto* answer, auto done) {
                   stub.FitPurchaseModel(client, call, answer, std::move(done));
                 });
}

grpc::ServerUnaryReactor* ShardedValues::FitChurnModel(grpc::CallbackServerContext* context,
                                                       const v1::FitChurnModelRequest* request,
                                                       v1::FitChurnModelResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.FitChurnModel(context, request, response);
  return DoAtAll(shards_, context, request, response,
                 [](auto& stub, auto* client, auto* call, auto* answer, auto done) {
                   stub.FitChurnModel(client, call, answer, std::move(done));
                 });
}

grpc::ServerUnaryReactor* ShardedValues::DeleteValueModel(grpc::CallbackServerContext* context,
                                                          const v1::DeleteValueModelRequest* request,
                                                          v1::DeleteValueModelResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.DeleteValueModel(context, request, response);
  return DoAtAll(shards_, context, request, response,
                 [](auto& stub, auto* client, auto* call, auto* answer, auto done) {
                   stub.DeleteValueModel(client, call, answer, std::move(done));
                 });
}

grpc::ServerUnaryReactor* ShardedValues::UpdateValueSettings(grpc::CallbackServerContext* context,
                                                             const v1::UpdateValueSettingsRequest* request,
                                                             v1::UpdateValueSettingsResponse* response) {
  if (Shards::IsOfReplica(*context)) return own_.UpdateValueSettings(context, request, response);
  return DoAtAll(shards_, context, request, response,
                 [](auto& stub, auto* client, auto* call, auto* answer, auto done) {
                   stub.UpdateValueSettings(client, call, answer, std::move(done));
                 });
}

grpc::ServerWriteReactor<v1::WatchValuesResponse>* ShardedValues::WatchValues(grpc::CallbackServerContext* context,
                                                                              const v1::WatchValuesRequest* request) {
  if (Shards::IsOfReplica(*context) || request->replica_only()) return own_.WatchValues(context, request);
  return WatchAll<ValueWatch>(shards_, hub_, watch_pool_, *request);
}

}  // namespace perennial::health
