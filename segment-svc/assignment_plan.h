#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/facts/bitmap.h"
#include "perennial/segments/v1/engagement_service.pb.h"
#include "segment-svc/engagement_view.h"

namespace perennial::segments {

// Finds who is to look after accounts: the same proposal for the same state, whatever the order of rows. Accounts keep
// the manager they have as long as that one fits; the others go, those of the highest MRR first, to whoever of those that
// fit would carry the smallest share of their capacity. docs/engagement.md says it for users.
class AssignmentPlan {
 public:
  struct Options {
    // Everything goes to this one; empty: to whoever fits best.
    std::string manager_id;
    // Managers above their capacity lose the accounts of the smallest MRR.
    bool rebalance = false;
    int limit = 1000;
  };
  // `engagement` must outlive this.
  AssignmentPlan(EngagementView& engagement, Options options);

  // The proposal for those of `rows` that need a manager; nothing is stored. Called once.
  v1::AssignAccountsResponse Make(const facts::Bitmap& rows);

 private:
  // A manager with what they carry as the plan goes on.
  struct Book {
    const v1::Manager* manager = nullptr;
    std::int64_t load = 0;
  };
  using Group = std::pair<std::uint8_t, std::string>;  // model and language: who fits is the same for all in it

  void CountLoads();
  // Rows that their managers must give up.
  void Release(const std::vector<facts::RowId>& scope);
  void Decide(facts::RowId row);
  [[nodiscard]] Book* CurrentOf(facts::RowId row);
  // Why a manager does not fit; empty when they do.
  [[nodiscard]] std::string Misfit(const v1::Manager& manager, std::uint8_t model, const std::string& language) const;
  const std::vector<Book*>& Fitting(const Group& group);
  // Whoever would carry the smallest share of their capacity with `weight` more; null when it is too much for each.
  [[nodiscard]] static Book* LeastLoaded(const std::vector<Book*>& books, std::int32_t weight);
  void Move(facts::RowId row, Book* from, Book& to, std::string reason);
  void Fail(facts::RowId row, const Book* from, std::string reason);
  v1::Assignment Describe(facts::RowId row, const Book* from, std::string reason) const;

  EngagementView& engagement_;
  const Options options_;
  const std::vector<std::uint8_t> models_;
  std::map<std::string, Book> books_;  // by manager's name
  std::map<Group, std::vector<Book*>> fitting_;
  absl::flat_hash_map<facts::RowId, bool> released_;
  v1::AssignAccountsResponse response_;
};

}  // namespace perennial::segments
