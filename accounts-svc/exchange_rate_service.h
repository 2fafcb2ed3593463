#pragma once

#include "accounts-svc/exchange_rates.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/exchange_rate_service.grpc.pb.h"

namespace perennial::accounts {

// Serves ExchangeRates over gRPC. All it adds is the transport.
class ExchangeRateService final : public v1::ExchangeRateService::CallbackService {
 public:
  // Both must outlive this.
  ExchangeRateService(ExchangeRates& rates, WorkerPool& pool) : rates_(rates), pool_(pool) {}

  grpc::ServerUnaryReactor* SetExchangeRate(grpc::CallbackServerContext* context,
                                            const v1::SetExchangeRateRequest* request,
                                            v1::SetExchangeRateResponse* response) override;
  grpc::ServerUnaryReactor* ListExchangeRates(grpc::CallbackServerContext* context,
                                              const v1::ListExchangeRatesRequest* request,
                                              v1::ListExchangeRatesResponse* response) override;
  grpc::ServerUnaryReactor* DeleteExchangeRate(grpc::CallbackServerContext* context,
                                               const v1::DeleteExchangeRateRequest* request,
                                               v1::DeleteExchangeRateResponse* response) override;

 private:
  ExchangeRates& rates_;
  WorkerPool& pool_;
};

}  // namespace perennial::accounts
