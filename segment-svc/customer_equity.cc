#include "segment-svc/customer_equity.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/money_total.h"
#include "segment-svc/portfolio_checks.h"
#include "segment-svc/segment_protos.h"
#include "segment-svc/segments.h"

namespace perennial::segments {
namespace {

constexpr int kMostSegments = 100;
constexpr double kMostCustomers = 1e9;
constexpr std::size_t kTop = 10;

// A request, checked.
struct Asked {
  std::string filter;
  std::vector<std::string> segments;  // ids; empty shows all
  std::optional<Micros> new_customer_clv;
  std::optional<Micros> market;
};

absl::StatusOr<Asked> Check(const v1::GetCustomerEquityRequest& request, const std::string& currency) {
  BadRequest bad;
  Asked asked{.filter = request.filter(), .segments = {}, .new_customer_clv = {}, .market = {}};
  CheckOptionalFilter(request.filter(), bad);
  if (request.segments_size() > kMostSegments) {
    bad.Add("segments", absl::StrCat("has ", request.segments_size(), " names; the most is ", kMostSegments));
  }
  for (int i = 0; i < std::min(request.segments_size(), kMostSegments); ++i) {
    auto id = CheckSegmentName(request.segments(i));
    bad.AddIfError(absl::StrCat("segments[", i, "]"), id.status());
    if (id.ok()) asked.segments.push_back(*std::move(id));
  }
  const double customers = request.expected_new_customers();
  if (!(customers >= 0 && customers <= kMostCustomers)) bad.Add("expected_new_customers", "must be from 0 to 1e9");
  if (request.has_expected_new_customer_clv()) {
    asked.new_customer_clv =
        CheckAmount(request.expected_new_customer_clv(), currency, "expected_new_customer_clv", bad);
  }
  if (request.has_market_equity()) {
    asked.market = CheckAmount(request.market_equity(), currency, "market_equity", bad);
    if (asked.market == 0) bad.Add("market_equity.amount", "must be greater than 0");
  }
  if (request.min_facts_revision() < 0) bad.Add("min_facts_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  std::sort(asked.segments.begin(), asked.segments.end());
  asked.segments.erase(std::unique(asked.segments.begin(), asked.segments.end()), asked.segments.end());
  return asked;
}

// CLV of a set of accounts.
struct Worth {
  std::int64_t accounts = 0;
  std::int64_t known = 0;
  MoneyTotal clv;

  void Add(std::optional<double> one) {
    ++accounts;
    if (!one.has_value()) return;
    ++known;
    clv.Add(*one);
  }
  [[nodiscard]] MoneyTotal Mean() const { return clv.DividedBy(known); }
};

// Computes an answer over some rows of a view.
class EquityAnswer {
 public:
  EquityAnswer(const SegmentView& view, const facts::Bitmap& rows, const std::string& currency)
      : view_(view), rows_(rows), currency_(currency), clv_(view.facts, "value.clv"), mrr_(view.facts, "mrr") {}

  void AddTotals(double new_customers, const Asked& asked, v1::GetCustomerEquityResponse& response) const {
    Worth all;
    Worth paying;
    absl::Time as_of = absl::UnixEpoch();
    rows_.ForEach([&](facts::RowId row) {
      as_of = std::max(as_of, view_.facts.as_of(row));
      all.Add(clv_[row]);
      if (mrr_.Or(row, 0) > 0) paying.Add(clv_[row]);
    });
    SetTimestamp(all.accounts == 0 ? view_.now : as_of, response.mutable_as_of());
    response.set_facts_revision(view_.facts_revision);
    response.set_accounts(all.accounts);
    response.set_known_accounts(all.known);
    *response.mutable_customer_equity() = Money(all.clv);
    if (all.known > 0) *response.mutable_mean_clv() = Money(all.Mean());
    if (asked.new_customer_clv.has_value() || paying.known > 0 || new_customers == 0) {
      const Micros each = asked.new_customer_clv.value_or(paying.Mean().micros());
      // Whole customers and their fraction apart, so that whole ones are exact.
      const double whole = std::floor(new_customers);
      const auto exact = static_cast<MoneyTotal::Wide>(each) * static_cast<std::int64_t>(whole);
      const auto rest = static_cast<Micros>(std::llround(static_cast<double>(each) * (new_customers - whole)));
      *response.mutable_expected_equity() = Money(MoneyTotal::OfMicros(exact + rest));
    }
    if (asked.market.has_value() && all.known > 0) {
      response.set_equity_share(all.clv.Over(MoneyTotal::OfMicros(*asked.market)));
    }
  }

  void AddSegment(const PublishedSegment& segment, v1::GetCustomerEquityResponse& response) const {
    Worth worth;
    for (const facts::RowId row : segment.members) {
      if (rows_.Test(row)) worth.Add(clv_[row]);
    }
    v1::SegmentEquity* out = response.add_segments();
    out->set_segment(SegmentName(segment.record.id));
    out->set_display_name(segment.record.display_name);
    out->set_accounts(worth.accounts);
    out->set_known_accounts(worth.known);
    if (worth.known == 0) return;
    *out->mutable_mean_clv() = Money(worth.Mean());
    // Not the rounded mean times accounts: of a segment whose CLV is all known it is exactly their sum.
    *out->mutable_segment_lifetime_value() =
        Money(MoneyTotal::OfMicros(worth.clv.wide() * worth.accounts).DividedBy(worth.known));
  }

  void AddTop(v1::GetCustomerEquityResponse& response) const {
    std::vector<facts::RowId> top;
    rows_.ForEach([&](facts::RowId row) {
      if (clv_[row].has_value()) top.push_back(row);
    });
    const std::size_t count = std::min(kTop, top.size());
    std::partial_sort(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(count), top.end(),
                      [&](facts::RowId a, facts::RowId b) {
                        if (*clv_[a] != *clv_[b]) return *clv_[a] > *clv_[b];
                        return view_.facts.table().account_id(a) < view_.facts.table().account_id(b);
                      });
    top.resize(count);
    const TextFact names(view_.facts, "name");
    for (const facts::RowId row : top) {
      v1::EquityAccount* account = response.add_top_accounts();
      account->set_account(AccountName(view_.facts.table().account_id(row)));
      account->set_display_name(names[row]);
      *account->mutable_clv() = Money(TotalOf(clv_[row]));
      *account->mutable_mrr() = Money(TotalOf(mrr_[row]));
    }
  }

 private:
  static MoneyTotal TotalOf(std::optional<double> units) {
    MoneyTotal total;
    total.Add(units);
    return total;
  }
  [[nodiscard]] perennial::type::v1::Money Money(const MoneyTotal& total) const { return total.ToProto(currency_); }

  const SegmentView& view_;
  const facts::Bitmap& rows_;
  const std::string& currency_;
  const NumberFact clv_, mrr_;
};

}  // namespace

absl::StatusOr<v1::GetCustomerEquityResponse> CustomerEquity::Get(const v1::GetCustomerEquityRequest& request) const {
  PERENNIAL_ASSIGN_OR_RETURN(const Asked asked, Check(request, currency_));
  v1::GetCustomerEquityResponse response;
  std::vector<std::string> segments = asked.segments;
  SelectedRows selected;
  PERENNIAL_RETURN_IF_ERROR(engine_.Read([&](const SegmentView& view) -> absl::Status {
    for (const std::string& id : asked.segments) {
      if (!view.segments.contains(id)) return NoSuchSegment(id);
    }
    if (segments.empty()) {
      for (const auto& [id, segment] : view.segments) segments.push_back(id);
    }
    PERENNIAL_ASSIGN_OR_RETURN(selected, SelectRows(view, {.filter = asked.filter, .segment = {}}));
    EquityAnswer(view, selected.rows, currency_).AddTotals(request.expected_new_customers(), asked, response);
    return absl::OkStatus();
  }));
  // Each at a moment of its own, at least as new as the totals, so that changes are not held up by all of them together.
  for (const std::string& id : segments) {
    engine_.Read([&](const SegmentView& view) {
      const auto segment = view.segments.find(id);
      if (segment == view.segments.end()) return;  // deleted since
      EquityAnswer(view, selected.rows, currency_).AddSegment(segment->second, response);
    });
  }
  engine_.Read([&](const SegmentView& view) { EquityAnswer(view, selected.rows, currency_).AddTop(response); });
  if (selected.filter_reading) *response.mutable_filter_reading() = *std::move(selected.filter_reading);
  return response;
}

}  // namespace perennial::segments
