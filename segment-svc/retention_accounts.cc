// RevenueRetention::List(): the accounts behind one figure.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/page_token.h"
#include "common/base/status_macros.h"
#include "segment-svc/account_columns.h"
#include "segment-svc/ledger/periods.h"
#include "segment-svc/ledger/retention.h"
#include "segment-svc/portfolio_checks.h"
#include "segment-svc/revenue_retention.h"
#include "segment-svc/segment_protos.h"

namespace perennial::segments {
namespace {

struct Contribution {
  Micros amount = 0;
  Micros start = 0;
  Micros end = 0;
  facts::RowId row = 0;
};

// What an account adds to a figure; nothing when it is not behind it.
std::optional<Micros> AmountOf(const AccountPeriod& account, v1::RetentionFigure figure) {
  const auto if_any = [](Micros amount) { return amount > 0 ? std::optional(amount) : std::nullopt; };
  if (figure == v1::RETENTION_FIGURE_WON) return account.start == 0 ? if_any(account.end) : std::nullopt;
  if (account.start == 0) return std::nullopt;
  switch (figure) {
    case v1::RETENTION_FIGURE_EXPANSION: return if_any(account.expansion.micros());
    case v1::RETENTION_FIGURE_CONTRACTION: return if_any(account.contraction.micros());
    case v1::RETENTION_FIGURE_CHURNED: return if_any(account.churned.micros());
    case v1::RETENTION_FIGURE_REACTIVATED: return if_any(account.reactivated.micros());
    case v1::RETENTION_FIGURE_LOST: return account.end == 0 ? if_any(account.start) : std::nullopt;
    default: return account.start;
  }
}

// The last account of the page before.
struct Cursor {
  Micros amount = 0;
  std::string account_id;
};

absl::StatusOr<std::optional<Cursor>> ReadCursor(absl::string_view token, absl::string_view request) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, ReadPageToken(token, request));
  if (text.empty()) return std::optional<Cursor>();
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  Cursor cursor{.amount = 0, .account_id = parts.second};
  if (!absl::SimpleAtoi(parts.first, &cursor.amount)) return absl::InvalidArgumentError("is damaged");
  return std::optional(cursor);
}

// Leaves the first `count` of `all` that come after the cursor, in their order: largest amount first, then by id.
void KeepPage(const facts::FactTable& table, const std::optional<Cursor>& after, std::size_t count,
              std::vector<Contribution>& all) {
  if (after.has_value()) {
    std::erase_if(all, [&](const Contribution& one) {
      return one.amount > after->amount ||
             (one.amount == after->amount && table.account_id(one.row) <= after->account_id);
    });
  }
  count = std::min(count, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), all.end(),
                    [&](const Contribution& a, const Contribution& b) {
                      if (a.amount != b.amount) return a.amount > b.amount;
                      return table.account_id(a.row) < table.account_id(b.row);
                    });
  all.resize(count);
}

// The accounts behind a figure in from <= time < to.
std::vector<Contribution> Behind(const RevenueLedger& ledger, const facts::Bitmap& rows, std::int64_t from,
                                 std::int64_t to, v1::RetentionFigure figure) {
  std::vector<Contribution> all;
  rows.ForEach([&](facts::RowId row) {
    const StepsWithin within = Within(ledger.StepsOf(row), from, to);
    const AccountPeriod account = WalkPeriod(within.before, within.steps);
    if (const auto amount = AmountOf(account, figure)) all.push_back({*amount, account.start, account.end, row});
  });
  return all;
}

// A request, checked.
struct Asked {
  Selection selection;
  absl::Time start;
  std::size_t page_size = 0;
  std::string token_request;
  std::optional<Cursor> after;
};

absl::StatusOr<Asked> Check(const v1::ListRevenueRetentionAccountsRequest& request, absl::Time now) {
  BadRequest bad;
  Asked asked;
  asked.selection = CheckSelection(request, bad);
  CheckPeriodLength(request.period(), bad);
  asked.start = CheckStart(request, now, bad);
  if (!v1::RetentionFigure_IsValid(request.figure()) || request.figure() == v1::RETENTION_FIGURE_UNSPECIFIED) {
    bad.Add("figure", "must be one of the figures that have accounts behind them");
  }
  CheckAwaited(request, bad);
  const auto page_size = PageSize(request.page_size());
  bad.AddIfError("page_size", page_size.status());
  v1::ListRevenueRetentionAccountsRequest same = request;
  same.clear_page_size();
  same.clear_page_token();
  same.clear_min_facts_revision();
  same.clear_min_ledger_revision();
  asked.token_request = absl::StrCat("ListRevenueRetentionAccounts ", same.SerializeAsString());
  auto after = ReadCursor(request.page_token(), asked.token_request);
  bad.AddIfError("page_token", after.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  asked.page_size = static_cast<std::size_t>(*page_size);
  asked.after = *std::move(after);
  return asked;
}

// Fills `response` with the page of `all` that is asked for.
void FillPage(const SegmentView& view, const Asked& asked, const std::string& currency, std::vector<Contribution> all,
              v1::ListRevenueRetentionAccountsResponse& response) {
  const facts::FactTable& table = view.facts.table();
  KeepPage(table, asked.after, asked.page_size + 1, all);
  if (all.size() > asked.page_size) {
    all.pop_back();
    const std::string cursor = absl::StrCat(all.back().amount, "/", table.account_id(all.back().row));
    response.set_next_page_token(MakePageToken(cursor, asked.token_request));
  }
  const auto money = [&](Micros micros) { return MoneyTotal::OfMicros(micros).ToProto(currency); };
  const TextFact names(view.facts, "name");
  for (const Contribution& one : all) {
    v1::RetentionAccount* account = response.add_accounts();
    account->set_account(AccountName(table.account_id(one.row)));
    account->set_display_name(names[one.row]);
    *account->mutable_start_mrr() = money(one.start);
    *account->mutable_end_mrr() = money(one.end);
    *account->mutable_amount() = money(one.amount);
  }
}

}  // namespace

absl::StatusOr<v1::ListRevenueRetentionAccountsResponse> RevenueRetention::List(
    const v1::ListRevenueRetentionAccountsRequest& request) const {
  const absl::Time now = engine_.Read([](const SegmentView& view) { return view.now; });
  PERENNIAL_ASSIGN_OR_RETURN(const Asked asked, Check(request, now));
  const Periods periods = PeriodsFrom(request.period(), asked.start, asked.start, now);
  const std::vector<std::int64_t> bounds = periods.StepBounds(now);
  PERENNIAL_ASSIGN_OR_RETURN(const SelectedRows selected,
                             engine_.Read([&](const SegmentView& view) { return SelectRows(view, asked.selection); }));
  v1::ListRevenueRetentionAccountsResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(
      std::vector<Contribution> all,
      ledger_.Read([&](const RevenueLedger& ledger, std::int64_t revision) -> absl::StatusOr<std::vector<Contribution>> {
        response.set_ledger_revision(revision);
        return Behind(ledger, selected.rows, bounds[0], bounds[1], request.figure());
      }));
  response.set_total_size(static_cast<std::int64_t>(all.size()));
  MoneyTotal total;
  for (const Contribution& one : all) total.AddMicros(one.amount);
  *response.mutable_total_amount() = total.ToProto(currency_);
  engine_.Read([&](const SegmentView& view) { FillPage(view, asked, currency_, std::move(all), response); });
  return response;
}

}  // namespace perennial::segments
