#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {

// A mean that is unknown while it has no element.
struct Mean {
  double sum = 0;
  int count = 0;
  void Add(double value) {
    sum += value;
    ++count;
  }
};

// One account at one moment: what the groups of facts have in common.
class PlainMoment {
 public:
  // Puts facts into `facts`; both must outlive this.
  PlainMoment(const PlainAccount& account, absl::Time as_of, FactMap& facts)
      : account_(account), as_of_(as_of), today_(DayNumber(as_of)), facts_(facts) {}

 protected:
  // Whether a moment lies by as_of and within the days that end with its day.
  [[nodiscard]] bool Within(absl::Time time, std::int64_t days) const {
    return time <= as_of_ && DayNumber(time) > today_ - days;
  }
  [[nodiscard]] double DaysSince(absl::Time time) const { return static_cast<double>(today_ - DayNumber(time)); }
  void PutMean(const std::string& name, const Mean& mean) {
    if (mean.count > 0) facts_[name] = mean.sum / mean.count;
  }
  // What happened by as_of, by kind, in order of time.
  [[nodiscard]] std::vector<v1::Record> Happened(v1::Record::KindCase kind) const {
    std::vector<v1::Record> records;
    for (const auto& [key, states] : account_.records) {
      if (key.first == kind && TimeOf(states.front().event_time()) <= as_of_) records.push_back(states.front());
    }
    std::stable_sort(records.begin(), records.end(), [](const v1::Record& a, const v1::Record& b) {
      return TimeOf(a.event_time()) < TimeOf(b.event_time());
    });
    return records;
  }
  // Tickets that were open by as_of, each as it was then: the newest state by then, or the first one while there was none,
  // without what lies later.
  [[nodiscard]] std::vector<v1::Record> Tickets() const {
    std::vector<v1::Record> tickets;
    for (const auto& [key, states] : account_.records) {
      if (key.first != v1::Record::kTicket) continue;
      v1::Record then = states.front();
      for (const v1::Record& state : states) {
        if (TimeOf(state.ticket().update_time()) <= as_of_) then = state;
      }
      if (TimeOf(then.event_time()) > as_of_) continue;
      v1::Ticket& ticket = *then.mutable_ticket();
      const absl::Time answered = TimeOf(ticket.has_resolve_time() ? ticket.resolve_time() : ticket.update_time());
      if (answered > as_of_) ticket.clear_satisfaction();
      if (TimeOf(ticket.first_response_time()) > as_of_) ticket.clear_first_response_time();
      if (TimeOf(ticket.resolve_time()) > as_of_) ticket.clear_resolve_time();
      tickets.push_back(then);
    }
    return tickets;
  }

  const PlainAccount& account_;
  const absl::Time as_of_;
  const std::int64_t today_;
  FactMap& facts_;
};

// The groups touch, support, sentiment, onboarding, churn, silence and goals; after revenue and usage, on which the last two rest.
void AddPeopleFacts(const PlainAccount& account, absl::Time as_of, FactMap& facts);

}  // namespace perennial::accounts::testing
