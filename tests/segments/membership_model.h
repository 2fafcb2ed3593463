#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace perennial::segments::testing {

// What membership must be, worked out from nothing in the plainest way: every segment over every account.
class MembershipModel {
 public:
  struct Account {
    bool live = false;
    std::optional<double> mrr;
    std::optional<double> score;
    std::optional<int> plan;              // "plan-<n>"
    std::optional<absl::Time> last_seen;  // compared with the clock
  };
  enum class Reads : std::uint8_t { kMrr, kScore, kPlan, kClock };
  struct Segment {
    bool is_static = false;
    Reads reads = Reads::kMrr;
    bool negated = false;
    int bound = 0;
    std::string called;  // another segment; empty: none
    bool called_negated = false;
    std::set<int> added;
    std::set<int> removed;

    [[nodiscard]] std::string Filter() const {
      std::string filter;
      switch (reads) {
        case Reads::kMrr: filter = absl::StrCat("mrr > ", bound); break;
        case Reads::kScore: filter = absl::StrCat("health.score < ", bound); break;
        case Reads::kPlan: filter = absl::StrCat("plan = \"plan-", bound % 5, "\""); break;
        case Reads::kClock: filter = absl::StrCat("last_seen < days_ago(", bound, ")"); break;
      }
      if (negated) filter = absl::StrCat("NOT ", filter);
      if (called.empty()) return filter;
      return absl::StrCat(filter, " AND ", called_negated ? "NOT " : "", "segment(\"", called, "\")");
    }
  };
  // By segment, a mark for each account.
  using Marks = std::map<std::string, std::vector<bool>>;

  explicit MembershipModel(int account_count) : accounts(static_cast<std::size_t>(account_count)) {}

  [[nodiscard]] Marks Evaluate(absl::Time now) const {
    Marks marks;
    for (const auto& [id, segment] : segments) Fill(id, now, marks);
    return marks;
  }

  std::vector<Account> accounts;
  std::map<std::string, Segment> segments;

 private:
  // Nothing: unknown.
  static std::optional<bool> Compare(const Segment& segment, const Account& account, absl::Time now) {
    switch (segment.reads) {
      case Reads::kMrr:
        if (!account.mrr.has_value()) return std::nullopt;
        return *account.mrr > segment.bound;
      case Reads::kScore:
        if (!account.score.has_value()) return std::nullopt;
        return *account.score < segment.bound;
      case Reads::kPlan:
        if (!account.plan.has_value()) return std::nullopt;
        return *account.plan == segment.bound % 5;
      case Reads::kClock:
        if (!account.last_seen.has_value()) return std::nullopt;
        return *account.last_seen < now - absl::Hours(24) * segment.bound;
    }
    return std::nullopt;
  }

  void Fill(const std::string& id, absl::Time now, Marks& marks) const {
    if (marks.contains(id)) return;
    const Segment& segment = segments.at(id);
    if (!segment.called.empty()) Fill(segment.called, now, marks);
    std::vector<bool> members(accounts.size());
    for (std::size_t i = 0; i < accounts.size(); ++i) {
      if (!accounts[i].live || segment.removed.contains(static_cast<int>(i))) continue;
      if (segment.added.contains(static_cast<int>(i))) {
        members[i] = true;
        continue;
      }
      if (segment.is_static) continue;
      const std::optional<bool> compared = Compare(segment, accounts[i], now);
      if (!compared.has_value() || *compared == segment.negated) continue;
      members[i] = segment.called.empty() || marks[segment.called][i] != segment.called_negated;
    }
    marks[id] = std::move(members);
  }
};

}  // namespace perennial::segments::testing
