#include "cli/name_lookup.h"

#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"

namespace perennial::cli {
namespace {

using perennial::accounts::v1::AccountService;
using perennial::accounts::v1::ListAccountsRequest;
using perennial::accounts::v1::ListAccountsResponse;

constexpr int kCandidates = 5;

absl::StatusOr<ListAccountsResponse> ListByName(const Client& client, absl::string_view name,
                                                absl::string_view wildcard) {
  ListAccountsRequest request;
  request.set_page_size(kCandidates);
  request.set_filter(
      absl::StrCat("name = \"", absl::StrReplaceAll(name, {{"\\", "\\\\"}, {"\"", "\\\""}}), wildcard, "\""));
  // A page may have less than it could, even nothing, while there is more to look at.
  ListAccountsResponse all;
  do {
    PERENNIAL_ASSIGN_OR_RETURN(
        const ListAccountsResponse page,
        client.Call(client.accounts, &AccountService::Stub::ListAccounts, request, "look the account up by its name"));
    all.mutable_accounts()->MergeFrom(page.accounts());
    all.set_next_page_token(page.next_page_token());
    request.set_page_token(page.next_page_token());
  } while (all.accounts_size() < kCandidates && !all.next_page_token().empty());
  return all;
}

std::string Candidates(const ListAccountsResponse& answer) {
  std::string text;
  for (const auto& account : answer.accounts()) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", account.name(), " (", account.display_name(), ")");
  }
  return answer.next_page_token().empty() ? text : absl::StrCat(text, ", ...");
}

}  // namespace

absl::StatusOr<std::string> FindByDisplayName(const Client& client, absl::string_view display_name) {
  PERENNIAL_ASSIGN_OR_RETURN(const ListAccountsResponse same, ListByName(client, display_name, ""));
  if (same.accounts_size() == 1) return same.accounts(0).name();
  if (same.accounts_size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("several accounts are called \"", display_name, "\", pass an id: ", Candidates(same)));
  }
  std::string message = absl::StrCat("no account has the id or the name \"", display_name, "\"");
  const absl::StatusOr<ListAccountsResponse> alike = ListByName(client, display_name, "*");
  if (alike.ok() && !alike->accounts().empty()) absl::StrAppend(&message, "; did you mean ", Candidates(*alike), "?");
  return absl::NotFoundError(message);
}

}  // namespace perennial::cli
