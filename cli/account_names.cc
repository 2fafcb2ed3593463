#include "cli/account_names.h"

#include <algorithm>

#include "cli/format.h"

namespace perennial::cli {
namespace {

using perennial::accounts::v1::AccountService;

// Of AccountService.BatchGetAccounts.
constexpr std::size_t kBatch = 1000;
// A watch that runs for weeks must not grow for weeks.
constexpr std::size_t kMostNames = 200'000;

}  // namespace

void AccountNames::Load(const std::vector<std::string>& accounts) {
  std::vector<std::string> unknown;
  {
    const MutexLock lock(mutex_);
    if (names_.size() > kMostNames) names_.clear();
    for (const std::string& account : accounts) {
      if (!names_.contains(account)) unknown.push_back(account);
    }
  }
  std::sort(unknown.begin(), unknown.end());
  unknown.erase(std::unique(unknown.begin(), unknown.end()), unknown.end());
  for (std::size_t begin = 0; begin < unknown.size(); begin += kBatch) {
    const std::size_t end = std::min(begin + kBatch, unknown.size());
    LoadBatch(
        {unknown.begin() + static_cast<std::ptrdiff_t>(begin), unknown.begin() + static_cast<std::ptrdiff_t>(end)});
  }
}

void AccountNames::LoadBatch(const std::vector<std::string>& accounts) {
  perennial::accounts::v1::BatchGetAccountsRequest request;
  for (const std::string& account : accounts) request.add_names(account);
  const auto answer =
      client_.Call(client_.accounts, &AccountService::Stub::BatchGetAccounts, request, "read the accounts' names");
  if (!answer.ok()) return;
  const MutexLock lock(mutex_);
  for (const auto& account : answer->accounts()) names_[account.name()] = account.display_name();
}

std::string AccountNames::Of(const std::string& account) const {
  const MutexLock lock(mutex_);
  const auto found = names_.find(account);
  return found == names_.end() || found->second.empty() ? std::string(LastPart(account)) : found->second;
}

}  // namespace perennial::cli
