#include "health-svc/customer_values.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/error_details.h"
#include "common/base/money.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "common/filter/filter.h"
#include "common/filter/filter_reading.h"
#include "health-svc/request_names.h"
#include "health-svc/value_listing.h"

namespace perennial::health {
namespace {

// Money has at most twelve digits.
constexpr double kMostMoney = 999'999'999'999;

}  // namespace

absl::StatusOr<absl::string_view> AccountOfValueName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  absl::string_view id = name;
  (void)absl::ConsumeSuffix(&id, "/value");
  auto account = AccountOfParent(id);
  if (!account.ok()) return absl::InvalidArgumentError("must look like accounts/{id}/value or accounts/{id}");
  return account;
}

std::string ListKey(const v1::ListValuesRequest& request) {
  return absl::StrCat("ListValues\n", request.filter(), "\n", request.order_by());
}

absl::Status CustomerValues::Check(const v1::GetValueRequest& request) {
  BadRequest bad;
  bad.AddIfError("name", AccountOfValueName(request.name()).status());
  bad.AddIfError("min_facts_revision", CheckFactsRevision(request.min_facts_revision()));
  return bad.ToStatus();
}

absl::Status CustomerValues::Check(const v1::BatchGetValueRequest& request) {
  BadRequest bad;
  CheckBatch(request, AccountOfValueName, bad);
  return bad.ToStatus();
}

absl::Status CustomerValues::Check(const v1::ListValuesRequest& request) const {
  BadRequest bad;
  CheckList(portfolio_, request, ParseValueOrder(request.order_by()).status(), ListKey(request), bad);
  return bad.ToStatus();
}

absl::StatusOr<facts::RowId> CustomerValues::Find(absl::string_view account) const {
  const auto row = portfolio_.table().Find(account);
  if (row.has_value() && book_.Has(*row)) return *row;
  if (!book_.caught_up()) return NotCaughtUp();
  return NoSuchAccounts({std::string(account)}, "value");
}

absl::StatusOr<v1::GetValueResponse> CustomerValues::Get(const v1::GetValueRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  const absl::string_view account = *AccountOfValueName(request.name());
  v1::GetValueResponse response;
  absl::Status missing;
  {
    const ReadLock read(portfolio_.lock());
    const auto row = Find(account);
    if (row.ok()) {
      book_.Get(*row, /*with_reasons=*/true, response.mutable_value());
      return response;
    }
    missing = row.status();
  }
  if (!absl::IsUnavailable(missing) || cache_ == nullptr || request.min_facts_revision() > 0) return missing;
  auto cached = cache_->Get(account);
  if (!cached.has_value()) return missing;
  *response.mutable_value() = *std::move(cached);
  return response;
}

absl::StatusOr<v1::BatchGetValueResponse> CustomerValues::BatchGet(const v1::BatchGetValueRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  v1::BatchGetValueResponse response;
  std::vector<std::string> missing;
  const ReadLock read(portfolio_.lock());
  for (const std::string& name : request.names()) {
    const absl::string_view account = *AccountOfValueName(name);
    const auto row = Find(account);
    if (absl::IsUnavailable(row.status())) return row.status();
    if (row.ok()) {
      book_.Get(*row, /*with_reasons=*/false, response.add_values());
    } else {
      missing.emplace_back(account);
    }
  }
  if (!missing.empty()) return NoSuchAccounts(missing, "value");
  return response;
}

absl::StatusOr<v1::ListValuesResponse> CustomerValues::List(const v1::ListValuesRequest& request) const {
  PERENNIAL_RETURN_IF_ERROR(Check(request));
  PERENNIAL_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string cursor, ReadPageToken(request.page_token(), ListKey(request)));
  PERENNIAL_ASSIGN_OR_RETURN(const ValueOrder order, ParseValueOrder(request.order_by()));
  v1::ListValuesResponse response;
  const ReadLock read(portfolio_.lock());
  if (!book_.caught_up()) return NotCaughtUp();
  std::optional<facts::Bitmap> selected;
  if (!request.filter().empty()) {
    const auto filter = filter::Filter::Compile(request.filter(), portfolio_.catalogue());
    BadRequest bad;
    bad.AddIfError("filter", filter.status());
    PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
    selected = filter->EvaluateAll(portfolio_.table(), {.now = clock_.Now()});
    *response.mutable_filter_reading() = filter::ToProto(*filter);
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      const ValuePage page,
      PickPage(portfolio_, book_, selected.has_value() ? *selected : portfolio_.table().live_rows(), order,
               static_cast<std::size_t>(page_size), cursor));
  for (const facts::RowId row : page.rows) book_.Get(row, /*with_reasons=*/false, response.add_values());
  response.set_total_size(page.total);
  response.set_known_size(page.known);
  const double sum = std::clamp(page.total_clv, -kMostMoney, kMostMoney);
  response.mutable_total_clv()->set_amount(FormatAmount(MicrosOfNumber(sum)));
  response.mutable_total_clv()->set_currency_code(book_.rules().currency());
  if (!page.next_cursor.empty()) response.set_next_page_token(MakePageToken(page.next_cursor, ListKey(request)));
  return response;
}

}  // namespace perennial::health
