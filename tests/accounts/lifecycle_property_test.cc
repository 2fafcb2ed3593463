// What holds of the phases of any history, under any rules, with any moves by hand.
#include <random>

#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/lifecycle.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

constexpr int kHistories = 500;
constexpr int kDays = 60;

absl::Time Day(int day) { return absl::UnixEpoch() + absl::Hours(24) * day; }

// Histories of two months, dense enough that things happen at the same moment.
class RandomHistories {
 public:
  explicit RandomHistories(unsigned seed) : random_(seed) {}

  AccountHistory Next() {
    AccountHistory history;
    AddSubscriptions(history);
    for (int day = UpTo(kDays); UpTo(3) != 0 && day < kDays; day += 1 + UpTo(20)) {
      history.milestones.push_back({Day(day), UpTo(2) == 0 ? "first_value" : "step", UpTo(4) / 4.0});
    }
    for (int day = UpTo(kDays); UpTo(3) != 0 && day < kDays; day += 1 + UpTo(20)) {
      history.moves.push_back({Day(day), static_cast<Phase>(1 + UpTo(4)), "because", "ann", Day(day)});
    }
    history.rules = {.adoption_at_progress = UpTo(4) / 4.0,
                     .adoption_after_days = UpTo(20),
                     .success_after_days = 1 + UpTo(30),
                     .success_after_goals = UpTo(2),
                     .churn_grace_days = UpTo(1) * UpTo(15)};
    int goals = 0;
    for (int day = UpTo(kDays); day < kDays; day += 1 + UpTo(20)) {
      goals = std::max(0, goals + UpTo(2) - 1);
      history.achievements.push_back({Day(day), goals});
    }
    return history;
  }

 private:
  int UpTo(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }
  void AddSubscriptions(AccountHistory& history) {
    const int subscriptions = UpTo(3);
    for (int s = 0; s < subscriptions; ++s) {
      const int start = UpTo(kDays);
      SubscriptionState state{.plan = "p", .mrr = UpTo(3) * kMicrosPerUnit, .trial = UpTo(4) == 0};
      if (UpTo(2) != 0) state.end = Day(start + UpTo(25));
      history.subscriptions.push_back({std::string(1, static_cast<char>('a' + s)), Day(start), Day(start), state});
    }
  }

  std::mt19937 random_;
};

// What was there by a moment, as a look into the past has it.
AccountHistory Until(AccountHistory history, absl::Time as_of) {
  std::erase_if(history.subscriptions, [&](const auto& version) { return version.effective > as_of; });
  std::erase_if(history.milestones, [&](const auto& milestone) { return milestone.time > as_of; });
  std::erase_if(history.moves, [&](const auto& move) { return move.time > as_of; });
  std::erase_if(history.achievements, [&](const auto& from) { return from.time > as_of; });
  return history;
}

std::vector<PhaseChange> Phases(const AccountHistory& history, absl::Time as_of) {
  const AccountHistory then = Until(history, as_of);
  return PhaseTimeline(then, MrrTimeline(then.subscriptions, as_of), as_of);
}

std::string Text(const std::vector<PhaseChange>& phases) {
  std::string text;
  for (const PhaseChange& change : phases) absl::StrAppend(&text, NameOf(change.phase), " ", DayOf(change.time), ", ");
  return text;
}

Phase PhaseAt(const std::vector<PhaseChange>& phases, absl::Time time) {
  Phase phase = Phase::kUnknown;
  for (const PhaseChange& change : phases) {
    if (change.time <= time) phase = change.phase;
  }
  return phase;
}

TEST(LifecyclePropertyTest, EachChangeIsLaterThanTheOneBeforeItAndEntersAnotherPhase) {
  RandomHistories histories(1);
  for (int i = 0; i < kHistories; ++i) {
    const std::vector<PhaseChange> phases = Phases(histories.Next(), Day(2 * kDays));
    for (std::size_t c = 1; c < phases.size(); ++c) {
      ASSERT_LT(phases[c - 1].time, phases[c].time) << Text(phases);
      ASSERT_NE(phases[c - 1].phase, phases[c].phase) << Text(phases);
    }
  }
}

TEST(LifecyclePropertyTest, WhatWasEnteredUntilAMomentIsWhatALookBackToItTells) {
  RandomHistories histories(2);
  int changes = 0;
  for (int i = 0; i < kHistories; ++i) {
    const AccountHistory history = histories.Next();
    const std::vector<PhaseChange> whole = Phases(history, Day(2 * kDays));
    for (int day = 0; day <= 2 * kDays; ++day) {
      std::vector<PhaseChange> until;
      for (const PhaseChange& change : whole) {
        if (change.time <= Day(day)) until.push_back(change);
      }
      ASSERT_EQ(Text(Phases(history, Day(day))), Text(until)) << "history " << i << " day " << day;
    }
    changes += static_cast<int>(whole.size());
  }
  EXPECT_GT(changes, kHistories) << "too little happened";
}

TEST(LifecyclePropertyTest, AtTheMomentOfAMoveTheAccountIsInItsPhase) {
  RandomHistories histories(3);
  int moves = 0;
  for (int i = 0; i < kHistories; ++i) {
    const AccountHistory history = histories.Next();
    const std::vector<PhaseChange> phases = Phases(history, Day(2 * kDays));
    for (const PhaseMove& move : history.moves) {
      ASSERT_EQ(PhaseAt(phases, move.time), move.phase) << Text(phases);
      ++moves;
    }
  }
  EXPECT_GT(moves, kHistories / 2);
}

TEST(LifecyclePropertyTest, WithoutMovesNobodyIsChurnedWhoPaysOrInAnotherPhaseLongAfterPaying) {
  RandomHistories histories(4);
  for (int i = 0; i < kHistories; ++i) {
    AccountHistory history = histories.Next();
    history.moves.clear();
    const std::vector<PhaseChange> phases = Phases(history, Day(2 * kDays));
    const std::vector<MrrPoint> mrr = MrrTimeline(history.subscriptions, Day(2 * kDays));
    const absl::Duration grace = absl::Hours(24) * history.rules.churn_grace_days;
    for (std::size_t p = 0; p < mrr.size(); ++p) {
      const absl::Time end = p + 1 < mrr.size() ? mrr[p + 1].time : Day(2 * kDays);
      if (mrr[p].mrr > 0) {
        ASSERT_NE(PhaseAt(phases, mrr[p].time), Phase::kChurned) << Text(phases);
      } else if (mrr[p].time + grace < end) {
        ASSERT_EQ(PhaseAt(phases, mrr[p].time + grace), Phase::kChurned) << Text(phases);
      }
    }
  }
}

TEST(LifecyclePropertyTest, TheLedgerKnowsNoRulesAndNoMoves) {
  RandomHistories histories(5);
  for (int i = 0; i < kHistories; ++i) {
    AccountHistory history = histories.Next();
    const auto movements = MovementsOf(MrrTimeline(history.subscriptions, Day(2 * kDays)));
    Micros sum = 0;
    for (const Movement& movement : movements) sum += movement.amount;
    Micros mrr = 0;
    for (const SubscriptionVersion& version : ActiveAt(history.subscriptions, Day(2 * kDays))) {
      if (!version.state.trial) mrr += version.state.mrr;
    }
    ASSERT_EQ(sum, mrr);
  }
}

}  // namespace
}  // namespace perennial::accounts::testing
