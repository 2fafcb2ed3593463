#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "accounts-svc/facts/compute_facts.h"
#include "accounts-svc/facts/fact_definitions.h"
#include "accounts-svc/facts/fact_numbering.h"
#include "accounts-svc/model.h"
#include "common/base/time_util.h"

namespace perennial::accounts::testing {

// A time from RFC 3339 text.
inline absl::Time At(absl::string_view text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

// Computes facts of a history that a test writes down, as of noon of 30 June 2024.
class FactsTest : public ::testing::Test {
 protected:
  FactsTest() {
    EXPECT_TRUE(numbering_.AddAll(FixedFactDefinitions("USD")).ok());
    history_.id = "acme";
    history_.state.display_name = "Acme";
    history_.customer_since = At("2020-01-01T00:00:00Z");
  }

  // So many whole days before the moment that is looked at.
  [[nodiscard]] absl::Time Ago(int days) const { return now_ - absl::Hours(24) * days; }

  // Number of a metric, known since ever.
  std::int64_t Metric(const std::string& name) {
    metrics_.push_back({static_cast<std::int64_t>(metrics_.size()) + 1, name, absl::UnixEpoch()});
    return metrics_.back().no;
  }
  // Use on the day so many days ago.
  void Use(std::int64_t metric, int days_ago, double value) {
    history_.usage.push_back({metric, DayOf(now_) - days_ago, value});
    if (value == 0) return;
    for (LastUse& last : history_.last_use) {
      if (last.metric != metric) continue;
      last.day = std::max(last.day, DayOf(now_) - days_ago);
      return;
    }
    history_.last_use.push_back({metric, DayOf(now_) - days_ago});
  }
  void User(std::int64_t metric, int days_ago, const std::string& user) {
    history_.users.push_back({metric, DayOf(now_) - days_ago, user});
    history_.users_seen = true;
  }
  // A subscription in one state since its start.
  void Subscribe(const std::string& id, absl::Time start, double mrr, SubscriptionState state = {}) {
    state.mrr = MicrosOfNumber(mrr);
    if (state.plan.empty()) state.plan = id;
    history_.subscriptions.push_back({id, start, start, state});
  }

  Computed Compute() {
    auto computed = ComputeFacts(history_, metrics_, now_, numbering_);
    EXPECT_TRUE(computed.ok()) << computed.status();
    return *std::move(computed);
  }
  // A fact as people read it, or "unknown".
  std::string Fact(const std::string& name) {
    const Computed computed = Compute();
    return numbering_.WithCatalogue([&](const facts::FactCatalogue& catalogue) -> std::string {
      const auto id = catalogue.Find(name);
      if (!id.has_value()) return "no such fact";
      const facts::FactValue* value = computed.facts.Find(*id);
      return value == nullptr ? "unknown" : facts::ToText(*value, catalogue.Get(*id).type);
    });
  }

  FactNumbering numbering_;
  AccountHistory history_;
  std::vector<accounts::Metric> metrics_;
  absl::Time now_ = At("2024-06-30T12:00:00Z");
};

}  // namespace perennial::accounts::testing
