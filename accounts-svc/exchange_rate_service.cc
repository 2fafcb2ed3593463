#include "accounts-svc/exchange_rate_service.h"

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* ExchangeRateService::SetExchangeRate(grpc::CallbackServerContext* context,
                                                               const v1::SetExchangeRateRequest* request,
                                                               v1::SetExchangeRateResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rates_.Set(call); });
}

grpc::ServerUnaryReactor* ExchangeRateService::ListExchangeRates(grpc::CallbackServerContext* context,
                                                                 const v1::ListExchangeRatesRequest* request,
                                                                 v1::ListExchangeRatesResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rates_.List(call); });
}

grpc::ServerUnaryReactor* ExchangeRateService::DeleteExchangeRate(grpc::CallbackServerContext* context,
                                                                  const v1::DeleteExchangeRateRequest* request,
                                                                  v1::DeleteExchangeRateResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return rates_.Delete(call); });
}

}  // namespace perennial::accounts
