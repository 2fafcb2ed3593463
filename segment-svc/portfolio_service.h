#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/worker_pool.h"
#include "perennial/segments/v1/portfolio_service.grpc.pb.h"
#include "segment-svc/portfolio.h"
#include "segment-svc/serve_fresh.h"

namespace perennial::segments {

// PortfolioService as gRPC serves it.
class PortfolioService final : public v1::PortfolioService::CallbackService {
 public:
  // All must outlive this.
  PortfolioService(const Portfolio& portfolio, FreshnessGate& gate, WorkerPool& pool)
      : portfolio_(portfolio), gate_(gate), pool_(pool) {}

  grpc::ServerUnaryReactor* GetPortfolioReport(grpc::CallbackServerContext* context,
                                               const v1::GetPortfolioReportRequest* request,
                                               v1::GetPortfolioReportResponse* response) override {
    return ServeFresh(gate_, pool_, context, request, response,
                      [this](const auto& get) { return portfolio_.GetReport(get); });
  }

 private:
  const Portfolio& portfolio_;
  FreshnessGate& gate_;
  WorkerPool& pool_;
};

}  // namespace perennial::segments
