#pragma once

#include <grpcpp/grpcpp.h>

#include <vector>

#include "common/server/worker_pool.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "segment-svc/customer_equity.h"
#include "segment-svc/portfolio.h"
#include "segment-svc/revenue_retention.h"
#include "segment-svc/serve_fresh.h"

namespace perennial::segments {

// PortfolioService as gRPC serves it.
class PortfolioService final : public v1::PortfolioService::CallbackService {
 public:
  // What it needs; everything must outlive it.
  struct Parts {
    const Portfolio& portfolio;
    const RevenueRetention& retention;
    const CustomerEquity& equity;
    FreshnessGate& gate;         // of facts
    FreshnessGate& ledger_gate;  // of the revenue ledger
    WorkerPool& pool;
  };
  explicit PortfolioService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetPortfolioReport(grpc::CallbackServerContext* context,
                                               const v1::GetPortfolioReportRequest* request,
                                               v1::GetPortfolioReportResponse* response) override {
    return ServeAfter(AwaitedBy(*request), parts_.pool, context, request, response,
                      [this](const auto& get) { return parts_.portfolio.GetReport(get); });
  }
  grpc::ServerUnaryReactor* GetRevenueRetention(grpc::CallbackServerContext* context,
                                                const v1::GetRevenueRetentionRequest* request,
                                                v1::GetRevenueRetentionResponse* response) override {
    return ServeAfter(AwaitedBy(*request), parts_.pool, context, request, response,
                      [this](const auto& get) { return parts_.retention.Get(get); });
  }
  grpc::ServerUnaryReactor* ListRevenueRetentionAccounts(grpc::CallbackServerContext* context,
                                                         const v1::ListRevenueRetentionAccountsRequest* request,
                                                         v1::ListRevenueRetentionAccountsResponse* response) override {
    return ServeAfter(AwaitedBy(*request), parts_.pool, context, request, response,
                      [this](const auto& list) { return parts_.retention.List(list); });
  }
  grpc::ServerUnaryReactor* GetCustomerEquity(grpc::CallbackServerContext* context,
                                              const v1::GetCustomerEquityRequest* request,
                                              v1::GetCustomerEquityResponse* response) override {
    return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                      [this](const auto& get) { return parts_.equity.Get(get); });
  }

 private:
  template <class Request>
  std::vector<AwaitedRevision> AwaitedBy(const Request& request) const {
    return {{&parts_.gate, request.min_facts_revision()}, {&parts_.ledger_gate, request.min_ledger_revision()}};
  }

  const Parts parts_;
};

}  // namespace perennial::segments
