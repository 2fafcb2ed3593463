#include "health-svc/shard/sharded_values.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/money.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "health-svc/customer_values.h"
#include "health-svc/shard/gather.h"
#include "health-svc/value_listing.h"

namespace perennial::health {
namespace {

absl::Status MergeLists(const v1::ListValuesRequest& request, std::vector<v1::ListValuesResponse>& answers,
                        v1::ListValuesResponse* out) {
  PERENNIAL_ASSIGN_OR_RETURN(const ValueOrder order, ParseValueOrder(request.order_by()));
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  std::vector<v1::CustomerValue*> values;
  std::int64_t total = 0;
  std::int64_t known = 0;
  Micros sum = 0;
  bool more = false;
  for (v1::ListValuesResponse& answer : answers) {
    total += answer.total_size();
    known += answer.known_size();
    PERENNIAL_ASSIGN_OR_RETURN(const Micros part, ParseAmount(answer.total_clv().amount()));
    sum += part;
    more = more || !answer.next_page_token().empty();
    for (v1::CustomerValue& value : *answer.mutable_values()) values.push_back(&value);
  }
  std::sort(values.begin(), values.end(), [&](const auto* a, const auto* b) { return ComesBefore(*a, *b, order); });
  if (values.size() > static_cast<std::size_t>(page_size)) {
    more = true;
    values.resize(static_cast<std::size_t>(page_size));
  }
  if (more && !values.empty()) {
    out->set_next_page_token(MakePageToken(CursorAfter(*values.back(), order), ListKey(request)));
  }
  for (v1::CustomerValue* value : values) *out->add_values() = std::move(*value);
  if (answers.front().has_filter_reading()) *out->mutable_filter_reading() = answers.front().filter_reading();
  out->set_total_size(total);
  out->set_known_size(known);
  out->mutable_total_clv()->set_amount(FormatAmount(sum));
  out->mutable_total_clv()->set_currency_code(answers.front().total_clv().currency_code());
  return absl::OkStatus();
}

// Has every replica do the same, each by itself, and answers with what the first says.
template <class Request, class Response, class Method>
grpc::ServerUnaryReactor* DoAtAll(const Shards& shards, grpc::CallbackServerContext* context, const Request* request,
                                  Response* response, Method method) {
  return GatherFromAll(
      shards, context, response,
      [request, method](const auto& replica, int, auto* client, auto* answer, auto done) {
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
  const auto parts = std::make_shared<std::vector<v1::BatchGetValueRequest>>(static_cast<std::size_t>(shards_.count()));
  std::vector<std::size_t> from;  // by name: its shard
  for (const std::string& name : request->names()) {
    from.push_back(static_cast<std::size_t>(shards_.ShardOf(*AccountOfValueName(name))));
    parts->at(from.back()).add_names(name);
  }
  for (auto& part : *parts) part.set_min_facts_revision(request->min_facts_revision());
  return GatherFromAll(
      shards_, context, response,
      [parts](const auto& replica, int shard, auto* client, auto* answer, auto done) {
        const auto& part = parts->at(static_cast<std::size_t>(shard));
        if (part.names().empty()) return done(grpc::Status::OK);
        replica.values->async()->BatchGetValue(client, &part, answer, std::move(done));
      },
      [from, parts](std::vector<v1::BatchGetValueResponse>& answers, auto* out) -> absl::Status {
        std::vector<int> next(answers.size());
        for (const std::size_t shard : from) {
          *out->add_values() = std::move(*answers[shard].mutable_values(next[shard]++));
        }
        return absl::OkStatus();
      });
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

}  // namespace perennial::health
