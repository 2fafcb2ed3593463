#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "health-svc/portfolio.h"
#include "health-svc/value_book.h"
#include "health-svc/value_cache.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::health {

// The account in "accounts/{account}/value" or "accounts/{account}"; a view into `name`. INVALID_ARGUMENT with a
// sentence that completes "<field> ...".
absl::StatusOr<absl::string_view> AccountOfValueName(absl::string_view name);

// What makes two requests pages of one list.
std::string ListKey(const v1::ListValuesRequest& request);

// Answers what ValueService says of accounts. No gRPC here; safe for many threads; never blocks for long. None waits
// for min_facts_revision: who calls has waited.
class CustomerValues {
 public:
  // All must outlive this. `cache` may be null.
  CustomerValues(const Portfolio& portfolio, const ValueBook& book, ValueCacheReader* cache, const Clock& clock)
      : portfolio_(portfolio), book_(book), cache_(cache), clock_(clock) {}

  // OK when nothing in the request is wrong.
  static absl::Status Check(const v1::GetValueRequest& request);
  static absl::Status Check(const v1::BatchGetValueRequest& request);
  // Looks at what the filter names unless the request waits for facts that are still to come: List does then.
  [[nodiscard]] absl::Status Check(const v1::ListValuesRequest& request) const;

  // UNAVAILABLE (NOT_CAUGHT_UP) for an account whose facts have not come yet since the start, unless Redis has its
  // value and the request does not wait for facts.
  absl::StatusOr<v1::GetValueResponse> Get(const v1::GetValueRequest& request) const;
  absl::StatusOr<v1::BatchGetValueResponse> BatchGet(const v1::BatchGetValueRequest& request) const;
  absl::StatusOr<v1::ListValuesResponse> List(const v1::ListValuesRequest& request) const;

 private:
  // Row of an account that has a value.
  [[nodiscard]] absl::StatusOr<facts::RowId> Find(absl::string_view account) const;

  const Portfolio& portfolio_;
  const ValueBook& book_;
  ValueCacheReader* const cache_;
  const Clock& clock_;
};

}  // namespace perennial::health
