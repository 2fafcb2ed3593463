#include "accounts-svc/hierarchy.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr int kMostBelow = 10'000;
constexpr int kAccountsAWrite = 500;

struct Node {
  std::string id;
  std::string display_name;
  std::string parent;
  int depth = 0;
  std::size_t parent_index = 0;
  Micros mrr = 0;
  absl::int128 total = 0;
  std::int64_t descendants = 0;
};

// An account that was found and whose place is not taken yet.
struct Found {
  ChildAccount account;
  std::string parent;
  int depth = 0;
  std::size_t parent_index = 0;
};

// Each account before those below it, siblings by id.
absl::StatusOr<std::vector<Node>> Walk(ReadTransaction& transaction, Found root, absl::Time as_of) {
  std::vector<Node> nodes;
  // As of a moment that nobody checked, an account may be below itself: each has one place, the first.
  std::set<AccountNo> seen = {root.account.no};
  std::vector<Found> waiting = {std::move(root)};
  while (!waiting.empty()) {
    const Found found = std::move(waiting.back());
    waiting.pop_back();
    PERENNIAL_ASSIGN_OR_RETURN(const Micros mrr, transaction.FindMrr(found.account.no, as_of));
    const std::size_t index = nodes.size();
    nodes.push_back(
        {found.account.id, found.account.display_name, found.parent, found.depth, found.parent_index, mrr, mrr});
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ChildAccount> children,
                               transaction.ListChildren(found.account.id, as_of, kMostBelow + 1));
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
      if (seen.insert(child->no).second) waiting.push_back({*child, found.account.id, found.depth + 1, index});
    }
    if (seen.size() > static_cast<std::size_t>(kMostBelow) + 1) {
      return WithReason(absl::OutOfRangeError(
                            absl::StrCat("more than ", kMostBelow, " accounts are below it; ask for one further down")),
                        "HIERARCHY_TOO_LARGE");
    }
  }
  return nodes;
}

// Nearest first, as far as they are there.
absl::StatusOr<std::vector<std::string>> Ancestors(ReadTransaction& transaction, std::string parent,
                                                   absl::string_view id, absl::Time as_of) {
  std::vector<std::string> ancestors;
  std::set<std::string> seen = {std::string(id)};
  while (!parent.empty() && seen.insert(parent).second) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<AccountRecord> account, transaction.FindAccount(parent));
    if (!account.has_value()) return ancestors;
    ancestors.push_back(parent);
    PERENNIAL_ASSIGN_OR_RETURN(const auto state, transaction.FindAccountState(account->no, as_of));
    if (!state.has_value()) return ancestors;
    parent = state->parent;
  }
  return ancestors;
}

void RollUp(std::vector<Node>& nodes) {
  for (std::size_t i = nodes.size(); i-- > 1;) {
    Node& parent = nodes[nodes[i].parent_index];
    parent.total += nodes[i].total;
    parent.descendants += nodes[i].descendants + 1;
  }
}

}  // namespace

absl::StatusOr<v1::GetAccountHierarchyResponse> Hierarchy::Get(const v1::GetAccountHierarchyRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  const auto id = IdOf(request.name(), "accounts");
  bad.AddIfError("name", id.status());
  const absl::Time as_of = ReadAsOf(request, now, bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::GetAccountHierarchyResponse response;
  std::vector<Node> nodes;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *id));
    PERENNIAL_ASSIGN_OR_RETURN(const auto state, transaction.FindAccountState(account.no, as_of));
    if (!state.has_value()) return NoSuch(absl::StrCat(request.name(), " as of then"));
    PERENNIAL_ASSIGN_OR_RETURN(const auto ancestors, Ancestors(transaction, state->parent, *id, as_of));
    for (const std::string& ancestor : ancestors) response.add_ancestors(absl::StrCat("accounts/", ancestor));
    PERENNIAL_ASSIGN_OR_RETURN(
        nodes, Walk(transaction, {{account.no, account.id, state->display_name}, state->parent}, as_of));
    return absl::OkStatus();
  }));
  RollUp(nodes);
  for (const Node& node : nodes) {
    v1::HierarchyNode* out = response.add_nodes();
    out->set_account(absl::StrCat("accounts/", node.id));
    out->set_display_name(node.display_name);
    if (!node.parent.empty()) out->set_parent(absl::StrCat("accounts/", node.parent));
    out->set_depth(node.depth);
    *out->mutable_mrr() = ToMoney(node.mrr, currency_);
    constexpr Micros kMost = std::numeric_limits<Micros>::max();
    *out->mutable_total_mrr() = ToMoney(static_cast<Micros>(std::min<absl::int128>(node.total, kMost)), currency_);
    out->set_descendants(node.descendants);
  }
  SetTimestamp(as_of, response.mutable_as_of());
  return response;
}

absl::Status ListFormerParents(Store& store) {
  constexpr char kListed[] = "parents_listed";
  bool listed = false;
  AccountQuery query{.show_deleted = true, .limit = kAccountsAWrite};
  while (!listed) {
    std::string last;
    PERENNIAL_RETURN_IF_ERROR(store
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const std::string done, transaction.GetSetting(kListed));
                                    listed = !done.empty();
                                    if (listed) return absl::OkStatus();
                                    PERENNIAL_ASSIGN_OR_RETURN(const auto accounts, transaction.ListAccounts(query));
                                    listed = accounts.size() < kAccountsAWrite;
                                    for (const AccountRecord& account : accounts) {
                                      // To put a version again changes nothing but the list of parents.
                                      PERENNIAL_ASSIGN_OR_RETURN(const auto versions,
                                                                 transaction.ListAccountVersions(account.no));
                                      for (const AccountVersion& version : versions) {
                                        if (version.state.parent.empty()) continue;
                                        PERENNIAL_RETURN_IF_ERROR(transaction.PutAccountVersion(
                                            account.no, version.effective, version.state));
                                      }
                                      last = account.id;
                                    }
                                    return listed ? transaction.PutSetting(kListed, "1") : absl::OkStatus();
                                  })
                                  .status());
    query.after_id = last;
  }
  return absl::OkStatus();
}

}  // namespace perennial::accounts
