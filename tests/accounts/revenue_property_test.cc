// The ledger against an independent computation: for random subscriptions with random versions, the movements up to any
// moment add up to the MRR that asking every subscription at that moment gives.
#include <random>

#include "accounts-svc/facts/revenue.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

constexpr int kPortfolios = 400;
constexpr int kDays = 60;

absl::Time Day(int day) { return absl::UnixEpoch() + absl::Hours(24) * day; }

std::vector<SubscriptionVersion> RandomVersions(std::mt19937& random) {
  const auto upTo = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most + 1)); };
  std::vector<SubscriptionVersion> versions;
  const int subscriptions = 1 + upTo(3);
  for (int s = 0; s < subscriptions; ++s) {
    const absl::Time start = Day(upTo(kDays));
    absl::Time effective = start;
    const int states = 1 + upTo(3);
    for (int i = 0; i < states; ++i) {
      SubscriptionState state{.plan = "p", .mrr = upTo(4) * kMicrosPerUnit, .trial = upTo(4) == 0};
      if (upTo(2) == 0) state.end = start + absl::Hours(24) * upTo(kDays);
      versions.push_back({std::string(1, static_cast<char>('a' + s)), start, effective, state});
      effective += absl::Hours(24) * (1 + upTo(10));
    }
  }
  return versions;
}

// What every subscription's state says at a moment, one by one.
Micros MrrAt(const std::vector<SubscriptionVersion>& versions, absl::Time time) {
  std::map<std::string, const SubscriptionVersion*> held;
  for (const SubscriptionVersion& version : versions) {
    if (version.effective <= time) held[version.id] = &version;
  }
  Micros total = 0;
  for (const auto& [id, version] : held) {
    const bool active = version->start <= time && (!version->state.end.has_value() || time < *version->state.end);
    if (active && !version->state.trial) total += version->state.mrr;
  }
  return total;
}

TEST(RevenuePropertyTest, MovementsAddUpToTheRevenueOfEveryMoment) {
  std::mt19937 random(20240630);
  for (int portfolio = 0; portfolio < kPortfolios; ++portfolio) {
    const auto versions = RandomVersions(random);
    for (int day = 0; day <= 2 * kDays; ++day) {
      const absl::Time now = Day(day);
      Micros sum = 0;
      for (const Movement& movement : MovementsOf(MrrTimeline(versions, now))) {
        sum += movement.amount;
        ASSERT_EQ(movement.mrr_after, sum);
        ASSERT_NE(movement.amount, 0);
        ASSERT_EQ(MrrAt(versions, movement.time), sum) << "portfolio " << portfolio << " day " << day;
      }
      ASSERT_EQ(sum, MrrAt(versions, now)) << "portfolio " << portfolio << " day " << day;
    }
  }
}

TEST(RevenuePropertyTest, WhatIsKnownLaterDoesNotChangeTheLedgerOfThePast) {
  std::mt19937 random(7);
  for (int portfolio = 0; portfolio < kPortfolios; ++portfolio) {
    const auto versions = RandomVersions(random);
    const auto whole = MovementsOf(MrrTimeline(versions, Day(2 * kDays)));
    for (int day = 0; day <= 2 * kDays; day += 7) {
      std::vector<Movement> until;
      for (const Movement& movement : whole) {
        if (movement.time <= Day(day)) until.push_back(movement);
      }
      ASSERT_EQ(MovementsOf(MrrTimeline(versions, Day(day))), until) << "portfolio " << portfolio << " day " << day;
    }
  }
}

TEST(RevenuePropertyTest, KindsSayWhatHappenedToTheTotal) {
  std::mt19937 random(99);
  for (int portfolio = 0; portfolio < kPortfolios; ++portfolio) {
    bool paid = false;
    Micros before = 0;
    for (const Movement& movement : MovementsOf(MrrTimeline(RandomVersions(random), Day(2 * kDays)))) {
      const MovementKind expected = before == 0 ? (paid ? MovementKind::kReactivation : MovementKind::kNew)
                                    : movement.mrr_after == 0 ? MovementKind::kChurn
                                    : movement.amount > 0     ? MovementKind::kExpansion
                                                              : MovementKind::kContraction;
      ASSERT_EQ(movement.kind, expected);
      paid = true;
      before = movement.mrr_after;
    }
  }
}

}  // namespace
}  // namespace perennial::accounts::testing
