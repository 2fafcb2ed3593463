// ListAccounts: pages by key, filtered by present facts.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/accounts.h"
#include "accounts-svc/learn_facts.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/status_macros.h"
#include "common/facts/packed_facts.h"
#include "common/filter/filter.h"
#include "common/filter/filter_reading.h"

namespace perennial::accounts {
namespace {

// Accounts read at a time while a filter looks for matches.
constexpr int kScanned = 500;
// Accounts looked at for one page, so that a filter which selects few holds neither a reader nor a snapshot for long.
constexpr int kMostScanned = 10'000;

absl::Status ReadOrder(absl::string_view text, AccountQuery& query) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ' ', absl::SkipEmpty());
  const absl::string_view column = parts.empty() ? "name" : parts[0];
  query.descending = parts.size() == 2 && parts[1] == "desc";
  if (column == "name") {
    query.order = AccountOrder::kId;
  } else if (column == "display_name") {
    query.order = AccountOrder::kDisplayName;
  } else if (column == "create_time") {
    query.order = AccountOrder::kCreateTime;
  }
  if (parts.size() > 2 || (parts.size() == 2 && !query.descending) ||
      (column != "name" && column != "display_name" && column != "create_time")) {
    return absl::InvalidArgumentError("must be name, display_name or create_time, optionally followed by \" desc\"");
  }
  return absl::OkStatus();
}

// Where the next page starts: the last account's place in the order.
std::string KeyOf(const AccountRecord& account, AccountOrder order) {
  if (order == AccountOrder::kDisplayName) return account.state.display_name;
  if (order == AccountOrder::kCreateTime) return absl::StrCat(absl::ToUnixMicros(account.create_time));
  return account.id;
}

// Ids start with a letter or digit and have no '/', so the first '/' ends the id.
std::string CursorOf(const AccountRecord& account, AccountOrder order) {
  return absl::StrCat(account.id, "/", KeyOf(account, order));
}

void ReadCursor(const std::string& cursor, AccountQuery& query) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(cursor, absl::MaxSplits('/', 1));
  query.after_id = parts.first;
  query.after_key = parts.second;
}

// `ids` maps the store's numbers of facts to those here.
absl::StatusOr<bool> Matches(const filter::Filter& filter, AccountNo no, ReadTransaction& transaction,
                             const FactNumbering& numbering, absl::Time now, const std::vector<facts::FactId>& ids) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<FeedRow> row, transaction.FindFacts(no));
  if (!row.has_value() || row->deleted) return false;
  perennial::accounts::v1::PackedFacts packed;
  if (!packed.ParseFromString(row->payload)) return absl::DataLossError("stored facts cannot be read");
  return numbering.WithCatalogue([&](const facts::FactCatalogue& catalogue) -> absl::StatusOr<bool> {
    PERENNIAL_ASSIGN_OR_RETURN(const facts::FactRow facts, facts::Unpack(packed, ids, catalogue));
    return filter.Selects(facts, {.now = now});
  });
}

}  // namespace

absl::StatusOr<v1::ListAccountsResponse> Accounts::List(const v1::ListAccountsRequest& request) {
  BadRequest bad;
  AccountQuery query{.show_deleted = request.show_deleted(), .limit = kScanned};
  const Page page(request, absl::StrCat(request.filter(), "\n", request.order_by(), "\n", request.show_deleted()), bad);
  bad.AddIfError("order_by", ReadOrder(request.order_by(), query));
  std::optional<filter::Filter> filter;
  if (!request.filter().empty()) {
    PERENNIAL_RETURN_IF_ERROR(LearnFacts(store_, numbering_));
    const auto compiled = numbering_.WithCatalogue(
        [&](const facts::FactCatalogue& catalogue) { return filter::Filter::Compile(request.filter(), catalogue); });
    bad.AddIfError("filter", compiled.status());
    if (compiled.ok()) filter = *compiled;
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::ListAccountsResponse response;
  if (filter.has_value()) *response.mutable_filter_reading() = filter::ToProto(*filter);
  if (!page.cursor().empty()) ReadCursor(page.cursor(), query);
  if (!filter.has_value()) query.limit = page.limit();
  const absl::Time now = clock_.Now();
  std::vector<facts::FactId> ids;
  std::string last;  // account of the page that was answered last
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    if (filter.has_value()) {
      PERENNIAL_RETURN_IF_ERROR(LearnFacts(transaction, numbering_));
      ids = numbering_.LocalIds();
    }
    for (int scanned = 0;; scanned += query.limit) {
      if (scanned >= kMostScanned) {
        response.set_next_page_token(page.TokenAfter(absl::StrCat(query.after_id, "/", query.after_key)));
        return absl::OkStatus();
      }
      PERENNIAL_ASSIGN_OR_RETURN(const std::vector<AccountRecord> accounts, transaction.ListAccounts(query));
      for (const AccountRecord& account : accounts) {
        if (filter.has_value()) {
          PERENNIAL_ASSIGN_OR_RETURN(const bool matches,
                                     Matches(*filter, account.no, transaction, numbering_, now, ids));
          if (!matches) continue;
        }
        if (response.accounts_size() == page.size()) {
          response.set_next_page_token(page.TokenAfter(last));
          return absl::OkStatus();
        }
        PERENNIAL_ASSIGN_OR_RETURN(*response.add_accounts(), ToProto(account, transaction));
        last = CursorOf(account, query.order);
      }
      if (static_cast<int>(accounts.size()) < query.limit) return absl::OkStatus();
      ReadCursor(CursorOf(accounts.back(), query.order), query);
    }
  }));
  return response;
}

}  // namespace perennial::accounts
