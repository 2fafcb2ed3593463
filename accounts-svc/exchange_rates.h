#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "accounts-svc/store/store.h"
#include "common/base/clock.h"
#include "perennial/accounts/v1/exchange_rate_service.pb.h"

namespace perennial::accounts {

// The rules of ExchangeRateService. A rate that is set or deleted changes no subscription: accounts whose revenue rests
// on it are computed anew in the background (Sweeper). Thread-safe. Errors are those that the proto lists for the
// method.
class ExchangeRates {
 public:
  // `store` and `clock` must outlive this. Rates turn money into `currency`.
  ExchangeRates(Store& store, const Clock& clock, std::string currency)
      : store_(store), clock_(clock), currency_(std::move(currency)) {}

  absl::StatusOr<v1::SetExchangeRateResponse> Set(const v1::SetExchangeRateRequest& request);
  absl::StatusOr<v1::ListExchangeRatesResponse> List(const v1::ListExchangeRatesRequest& request);
  absl::StatusOr<v1::DeleteExchangeRateResponse> Delete(const v1::DeleteExchangeRateRequest& request);

 private:
  Store& store_;
  const Clock& clock_;
  const std::string currency_;
};

// INVALID_ARGUMENT under `field` when a currency (empty: the reporting one, which needs none) has no rate at a moment.
absl::Status CheckRated(ReadTransaction& transaction, absl::string_view currency, absl::Time at,
                        absl::string_view field);

// A rate as clients see it.
v1::ExchangeRate ToProto(const ExchangeRate& rate);

}  // namespace perennial::accounts
