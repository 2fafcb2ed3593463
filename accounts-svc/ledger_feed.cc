// The revenue ledger as clients read it: listed, and as a feed.
#include "accounts-svc/ledger_feed.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/facts.h"
#include "accounts-svc/paging.h"
#include "accounts-svc/subscriptions.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr int kLedgersAMessage = 500;

void ToProto(const Movement& movement, const std::string& currency, v1::RevenueMovement& out) {
  SetTimestamp(movement.time, out.mutable_effective_time());
  out.set_kind(static_cast<v1::MovementKind>(movement.kind));
  *out.mutable_amount() = ToMoney(movement.amount, currency);
  *out.mutable_mrr_after() = ToMoney(movement.mrr_after, currency);
}

}  // namespace

absl::StatusOr<v1::ListRevenueMovementsResponse> Subscriptions::ListMovements(
    const v1::ListRevenueMovementsRequest& request) {
  BadRequest bad;
  const bool all = request.parent() == "accounts/-";
  const auto account_id = all ? absl::StatusOr<std::string>("") : IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request,
                  absl::StrCat(request.parent(), "\n", request.start_time().SerializeAsString(), "\n",
                               request.end_time().SerializeAsString()),
                  bad);
  CheckTime("start_time", request.has_start_time(), request.start_time(), false, absl::InfiniteFuture(), bad);
  CheckTime("end_time", request.has_end_time(), request.end_time(), false, absl::InfiniteFuture(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  MovementQuery query{.limit = page.limit()};
  if (request.has_start_time()) query.begin = ToTime(request.start_time());
  if (request.has_end_time()) query.end = ToTime(request.end_time());
  if (const std::string& cursor = page.cursor(); !cursor.empty()) {
    const auto split = cursor.find('/');
    std::int64_t micros = 0;
    if (!absl::SimpleAtoi(cursor.substr(0, split), &micros)) return BadField("page_token", "is damaged");
    query.after_time = absl::FromUnixMicros(micros);
    query.after_id = cursor.substr(split + 1);
  }
  v1::ListRevenueMovementsResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    if (!all) {
      PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
      query.account = account.no;
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t revision, transaction.LastLedgerRevision());
    response.set_ledger_revision(revision);
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<AccountMovement> movements, transaction.ListMovements(query));
    const auto cursor_of = [](const AccountMovement& movement) {
      return absl::StrCat(absl::ToUnixMicros(movement.movement.time), "/", movement.account_id);
    };
    return page.Fill(movements, response, cursor_of, [&](const AccountMovement& movement) {
      v1::RevenueMovement& out = *response.add_movements();
      ToProto(movement.movement, currency_, out);
      out.set_account(absl::StrCat("accounts/", movement.account_id));
      return absl::OkStatus();
    });
  }));
  return response;
}

absl::StatusOr<std::unique_ptr<LedgerCursor>> Subscriptions::Watch(const v1::WatchRevenueMovementsRequest& request) {
  BadRequest bad;
  if (request.start_revision() < 0) bad.Add("start_revision", "must not be negative");
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return std::make_unique<LedgerCursor>(store_, clock_, currency_, request.feed_id(), request.start_revision());
}

absl::Status LedgerCursor::AddLedger(ReadTransaction& transaction, const LedgerRow& row, v1::AccountLedger& out) {
  out.set_account(absl::StrCat("accounts/", row.account_id));
  out.set_revision(row.revision);
  out.set_deleted(row.deleted);
  if (row.deleted) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AccountMovement> movements,
                             transaction.ListMovements({.account = row.account, .limit = -1}));
  v1::AccountLedger* part = &out;
  std::size_t bytes = 0;
  for (const AccountMovement& movement : movements) {
    if (bytes >= most_bytes_) {
      part->set_continues_next(true);
      part = &rest_.emplace_back();
      part->set_account(out.account());
      part->set_revision(row.revision);
      part->set_continues_previous(true);
      bytes = 0;
    }
    v1::RevenueMovement& added = *part->add_movements();
    ToProto(movement.movement, currency_, added);
    bytes += added.ByteSizeLong();
  }
  return absl::OkStatus();
}

void LedgerCursor::AddPart(v1::WatchRevenueMovementsResponse& message) {
  *message.add_ledgers() = std::move(rest_.front());
  rest_.pop_front();
  if (rest_.empty()) revision_ = message.ledgers(0).revision();
  message.set_progress_revision(revision_);
  SetTimestamp(clock_.Now(), message.mutable_server_time());
}

absl::StatusOr<std::optional<v1::WatchRevenueMovementsResponse>> LedgerCursor::Next() {
  v1::WatchRevenueMovementsResponse message;
  if (!rest_.empty()) {
    AddPart(message);
    return message;
  }
  bool more = false;
  // One snapshot: a revision is never seen without its movements.
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    if (!begun_) {
      PERENNIAL_ASSIGN_OR_RETURN(*message.mutable_feed_id(), CheckFeedId(transaction, feed_id_));
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t last, transaction.LastLedgerRevision());
    PERENNIAL_RETURN_IF_ERROR(CheckGivenOut(revision_, last));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LedgerRow> rows,
                               transaction.ListLedgerFeed(revision_, kLedgersAMessage));
    std::size_t bytes = 0;
    more = rows.size() == kLedgersAMessage;
    for (const LedgerRow& row : rows) {
      if (bytes >= most_bytes_) {
        more = true;
        break;
      }
      v1::AccountLedger& ledger = *message.add_ledgers();
      PERENNIAL_RETURN_IF_ERROR(AddLedger(transaction, row, ledger));
      if (!rest_.empty()) {
        more = true;
        break;
      }
      bytes += ledger.ByteSizeLong();
      revision_ = row.revision;
    }
    return absl::OkStatus();
  }));
  begun_ = true;
  if (!more && caught_up_at_ == revision_) return std::nullopt;
  message.set_progress_revision(revision_);
  message.set_caught_up(!more);
  SetTimestamp(clock_.Now(), message.mutable_server_time());
  if (!more) caught_up_at_ = revision_;
  return message;
}

}  // namespace perennial::accounts
