#include "accounts-svc/facts_export.h"

#include <utility>
#include <vector>

#include "accounts-svc/check_fields.h"
#include "accounts-svc/facts.h"
#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/learn_facts.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"

namespace perennial::accounts {
namespace {
constexpr int kAccountsAMessage = 200;
}

absl::StatusOr<std::unique_ptr<FactsExport>> Facts::Export(const v1::ExportFactsRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  const absl::Time as_of = ReadAsOf(request, now, bad);
  PERENNIAL_RETURN_IF_ERROR(LearnFacts(store_, numbering_));
  auto filter = numbering_.WithCatalogue(
      [&](const facts::FactCatalogue& catalogue) { return filter::Filter::Compile(request.filter(), catalogue); });
  bad.AddIfError("filter", filter.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  return std::make_unique<FactsExport>(store_, numbering_, as_of, *std::move(filter));
}

absl::StatusOr<std::optional<v1::ExportFactsResponse>> FactsExport::Next() {
  if (done_) return std::nullopt;
  v1::ExportFactsResponse message;
  PERENNIAL_RETURN_IF_ERROR(
      store_.Read([&](ReadTransaction& transaction) -> absl::Status { return AddPage(transaction, message); }));
  Announce(message);
  message.set_accounts_seen(seen_);
  return message;
}

absl::Status FactsExport::AddPage(ReadTransaction& transaction, v1::ExportFactsResponse& message) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::int64_t total, transaction.CountAccounts());
  message.set_accounts_total(total);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AccountNo> numbers,
                             transaction.ListAccountNos(after_, kAccountsAMessage));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Metric> metrics, transaction.ListMetrics());
  for (const AccountNo no : numbers) {
    PERENNIAL_RETURN_IF_ERROR(AddAccount(transaction, no, metrics, message));
    after_ = no;
    ++seen_;
  }
  done_ = numbers.size() < kAccountsAMessage;
  return absl::OkStatus();
}

absl::Status FactsExport::AddAccount(ReadTransaction& transaction, AccountNo no, const std::vector<Metric>& metrics,
                                     v1::ExportFactsResponse& message) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> account, transaction.FindAccountByNo(no));
  if (!account.has_value()) return absl::OkStatus();
  const absl::StatusOr<AccountHistory> history = transaction.LoadHistory(*account, as_of_);
  if (absl::IsNotFound(history.status())) return absl::OkStatus();  // it did not exist then
  PERENNIAL_RETURN_IF_ERROR(history.status());
  PERENNIAL_ASSIGN_OR_RETURN(const Computed computed, ComputeFacts(*history, metrics, as_of_, numbering_));
  if (!filter_.Selects(computed.facts, {.now = as_of_})) return absl::OkStatus();
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<FeedRow> row, transaction.FindFacts(no));
  v1::PackedFacts* out = message.add_rows();
  facts::Pack(computed.facts, out);
  out->set_account_id(account->id);
  out->set_revision(row.has_value() ? row->revision : 0);
  SetTimestamp(as_of_, out->mutable_as_of());
  return absl::OkStatus();
}

void FactsExport::Announce(v1::ExportFactsResponse& message) {
  numbering_.WithCatalogue([&](const facts::FactCatalogue& catalogue) {
    for (; announced_ < catalogue.size(); ++announced_) {
      *message.add_definitions() = facts::ToProto(announced_, catalogue.Get(announced_));
    }
  });
}

}  // namespace perennial::accounts
