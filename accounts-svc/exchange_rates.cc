#include "accounts-svc/exchange_rates.h"

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/facts/exchange.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

void CheckCode(absl::string_view field, absl::string_view code, absl::string_view reporting, BadRequest& bad) {
  if (!IsCurrencyCode(code)) return bad.Add(field, "must be an ISO 4217 code, for example EUR");
  if (code == reporting) bad.Add(field, "is the reporting currency, which needs no rate");
}

std::string TextOf(absl::Time time) { return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()); }

// When the next rate of a currency takes over from the one that is in force from `effective` on.
absl::StatusOr<absl::Time> EndOf(ReadTransaction& transaction, const std::string& currency, absl::Time effective) {
  PERENNIAL_ASSIGN_OR_RETURN(
      const std::vector<ExchangeRate> next,
      transaction.ListExchangeRates(
          {.currency = currency, .after_currency = currency, .after_time = effective, .limit = 1}));
  return next.empty() ? absl::InfiniteFuture() : next.front().effective;
}

// Has the accounts whose revenue rests on the rate of that moment computed anew.
absl::Status AskForRefresh(WriteTransaction& transaction, const std::string& currency, absl::Time effective) {
  PERENNIAL_ASSIGN_OR_RETURN(const absl::Time end, EndOf(transaction, currency, effective));
  // Whether anybody pays in it at all is told by one look into an index; who it is, the refresh finds out.
  PERENNIAL_ASSIGN_OR_RETURN(const bool any,
                             transaction.AnyCountedAt(currency, absl::InfinitePast(), absl::InfiniteFuture()));
  return any ? transaction.AddRefresh(currency, effective, end) : absl::OkStatus();
}

absl::StatusOr<std::int64_t> CountAffected(ReadTransaction& transaction, const std::string& currency,
                                           absl::Time effective) {
  PERENNIAL_ASSIGN_OR_RETURN(const absl::Time end, EndOf(transaction, currency, effective));
  return transaction.CountAccountsCountedAt(currency, effective, end);
}

}  // namespace

v1::ExchangeRate ToProto(const ExchangeRate& rate) {
  v1::ExchangeRate out;
  out.set_currency_code(rate.currency);
  out.set_rate(FormatRate(rate.billionths));
  SetTimestamp(rate.effective, out.mutable_effective_time());
  return out;
}

absl::Status CheckRated(ReadTransaction& transaction, absl::string_view currency, absl::Time at,
                        absl::string_view field) {
  if (currency.empty()) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<ExchangeRate> rate, transaction.FindExchangeRate(currency, at));
  if (rate.has_value()) return absl::OkStatus();
  BadRequest bad;
  bad.Add(field,
          absl::StrCat("is ", currency, ", which has no exchange rate at ", TextOf(at),
                       "; set one for that moment or an earlier one with SetExchangeRate (perennial rates set)"));
  return bad.ToStatus();
}

absl::StatusOr<v1::SetExchangeRateResponse> ExchangeRates::Set(const v1::SetExchangeRateRequest& request) {
  const absl::Time now = clock_.Now();
  const v1::ExchangeRate& asked = request.exchange_rate();
  BadRequest bad;
  if (!request.has_exchange_rate()) bad.Add("exchange_rate", "is required");
  CheckCode("exchange_rate.currency_code", asked.currency_code(), currency_, bad);
  const auto billionths = ParseRate(asked.rate());
  bad.AddIfError("exchange_rate.rate", billionths.status());
  CheckTime("exchange_rate.effective_time", asked.has_effective_time(), asked.effective_time(), true,
            now + absl::Hours(24), bad);
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const ExchangeRate rate{asked.currency_code(), StoredTime(asked.effective_time()), *billionths};
  bool changed = false;
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  changed = false;
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_ASSIGN_OR_RETURN(
                                      const auto present, transaction.FindExchangeRate(rate.currency, rate.effective));
                                  changed = present != rate;
                                  if (!changed) return absl::OkStatus();
                                  PERENNIAL_RETURN_IF_ERROR(transaction.PutExchangeRate(rate));
                                  return AskForRefresh(transaction, rate.currency, rate.effective);
                                })
                                .status());
  v1::SetExchangeRateResponse response;
  *response.mutable_exchange_rate() = ToProto(rate);
  if (!changed) return response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t affected, CountAffected(transaction, rate.currency, rate.effective));
    response.set_accounts_affected(affected);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListExchangeRatesResponse> ExchangeRates::List(const v1::ListExchangeRatesRequest& request) {
  BadRequest bad;
  const std::string& currency = request.currency_code();
  if (!currency.empty() && !IsCurrencyCode(currency)) {
    bad.Add("currency_code", "must be an ISO 4217 code, for example EUR, or empty");
  }
  const Page page(request, absl::StrCat("rates/", currency), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  ExchangeRateQuery query{.currency = currency, .limit = page.limit()};
  if (const absl::string_view cursor = page.cursor(); !cursor.empty()) {
    std::int64_t micros = 0;
    if (cursor.size() < 4 || !absl::SimpleAtoi(cursor.substr(3), &micros)) return BadField("page_token", "is damaged");
    query.after_currency = std::string(cursor.substr(0, 3));
    query.after_time = absl::FromUnixMicros(micros);
  }
  v1::ListExchangeRatesResponse response;
  response.set_reporting_currency(currency_);
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<ExchangeRate> rates, transaction.ListExchangeRates(query));
    const auto cursor_of = [](const ExchangeRate& rate) {
      return absl::StrCat(rate.currency, absl::ToUnixMicros(rate.effective));
    };
    return page.Fill(rates, response, cursor_of, [&](const ExchangeRate& rate) {
      *response.add_exchange_rates() = ToProto(rate);
      return absl::OkStatus();
    });
  }));
  return response;
}

absl::StatusOr<v1::DeleteExchangeRateResponse> ExchangeRates::Delete(const v1::DeleteExchangeRateRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  const std::string& currency = request.currency_code();
  CheckCode("currency_code", currency, currency_, bad);
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), true, absl::InfiniteFuture(),
            bad);
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const absl::Time effective = StoredTime(request.effective_time());
  bool changed = false;
  const auto remove = [&](WriteTransaction& transaction) -> absl::Status {
    changed = false;
    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
    if (!first) return absl::OkStatus();
    PERENNIAL_ASSIGN_OR_RETURN(const auto present, transaction.FindExchangeRate(currency, effective));
    if (!present.has_value() || present->effective != effective) {
      return NoSuch(absl::StrCat("a rate of ", currency, " from ", TextOf(effective)));
    }
    PERENNIAL_ASSIGN_OR_RETURN(const auto before,
                               transaction.FindExchangeRate(currency, effective - absl::Microseconds(1)));
    if (!before.has_value()) {
      PERENNIAL_ASSIGN_OR_RETURN(const absl::Time end, EndOf(transaction, currency, effective));
      PERENNIAL_ASSIGN_OR_RETURN(const bool in_use, transaction.AnyCountedAt(currency, absl::InfinitePast(), end));
      if (in_use) {
        return WithReason(
            absl::FailedPreconditionError(absl::StrCat("subscriptions in ", currency,
                                                       " count at this rate, and there is none before it; set an ",
                                                       "earlier one first, or set this one to another value")),
            "RATE_IN_USE");
      }
    }
    changed = true;
    PERENNIAL_RETURN_IF_ERROR(transaction.DeleteExchangeRate(currency, effective));
    return AskForRefresh(transaction, currency, effective);
  };
  PERENNIAL_RETURN_IF_ERROR(store_.Write(remove).status());
  v1::DeleteExchangeRateResponse response;
  if (!changed) return response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t affected, CountAffected(transaction, currency, effective));
    response.set_accounts_affected(affected);
    return absl::OkStatus();
  }));
  return response;
}

}  // namespace perennial::accounts
