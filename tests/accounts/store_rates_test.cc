// Exchange rates, refreshes and moves by hand in every kind of store.
#include "tests/accounts/store_fixture.h"

namespace perennial::accounts::testing {
namespace {

absl::Time Day(int day) { return At("2024-01-01T00:00:00Z") + absl::Hours(24) * day; }

class StoreRatesTest : public StoreTest {
 protected:
  void Put(const ExchangeRate& rate) {
    Write([&](WriteTransaction& transaction) { return transaction.PutExchangeRate(rate); });
  }
  // A subscription in euro with states from the days that are given.
  AccountNo Subscribe(const std::string& account, int start, const std::vector<int>& states) {
    const AccountNo no = Insert(account);
    Write([&](WriteTransaction& transaction) -> absl::Status {
      if (const auto put = transaction.PutSubscription(no, Subscription("s", Day(start))); !put.ok()) return put;
      for (const int day : states) {
        const SubscriptionState state{.plan = "p", .mrr = day, .currency = "EUR"};
        if (const auto put = transaction.PutSubscriptionVersion(no, "s", Day(day), state); !put.ok()) return put;
      }
      return absl::OkStatus();
    });
    return no;
  }
  std::vector<AccountNo> CountedAt(int begin, int end, AccountNo after = 0, int limit = 10) {
    return Read([&](ReadTransaction& transaction) {
      return transaction.ListAccountsCountedAt("EUR", Day(begin), Day(end), after, limit);
    });
  }
  std::optional<Refresh> FindRefresh() {
    return Read([](ReadTransaction& transaction) { return transaction.FindRefresh(); });
  }
  void AddRefresh(const std::string& currency, int begin, int end) {
    Write([&](WriteTransaction& transaction) { return transaction.AddRefresh(currency, Day(begin), Day(end)); });
  }
  void Advance(const Refresh& refresh, std::optional<AccountNo> until) {
    Write([&](WriteTransaction& transaction) { return transaction.AdvanceRefresh(refresh, until); });
  }
};

TEST_P(StoreRatesTest, TheRateInForceIsTheLatestUntilThen) {
  Put({"EUR", Day(10), 2});
  Put({"EUR", Day(20), 3});
  Put({"GBP", Day(0), 9});
  const auto at = [&](int day) {
    return Read([&](ReadTransaction& transaction) { return transaction.FindExchangeRate("EUR", Day(day)); });
  };
  EXPECT_EQ(at(9), std::nullopt);
  EXPECT_EQ(at(10), (ExchangeRate{"EUR", Day(10), 2}));
  EXPECT_EQ(at(19), (ExchangeRate{"EUR", Day(10), 2}));
  EXPECT_EQ(at(99), (ExchangeRate{"EUR", Day(20), 3}));
  Write([&](WriteTransaction& transaction) { return transaction.DeleteExchangeRate("EUR", Day(20)); });
  EXPECT_EQ(at(99), (ExchangeRate{"EUR", Day(10), 2}));
}

TEST_P(StoreRatesTest, AStateCountsAtTheTimeWhenItTookEffect) {
  const AccountNo a = Subscribe("a", 10, {10, 30});
  const AccountNo b = Subscribe("b", 20, {5, 8});    // both before it began
  const AccountNo c = Subscribe("c", 15, {40, 50});  // the first one holds since it began
  EXPECT_EQ(CountedAt(0, 100), (std::vector<AccountNo>{a, b, c}));
  EXPECT_EQ(CountedAt(0, 10), std::vector<AccountNo>{});
  EXPECT_EQ(CountedAt(10, 15), std::vector<AccountNo>{a});
  EXPECT_EQ(CountedAt(15, 16), std::vector<AccountNo>{c});
  EXPECT_EQ(CountedAt(20, 30), std::vector<AccountNo>{b});
  EXPECT_EQ(CountedAt(31, 50), std::vector<AccountNo>{}) << "the end is exclusive";
  EXPECT_EQ(CountedAt(50, 51), std::vector<AccountNo>{c});
}

TEST_P(StoreRatesTest, AccountsAreListedInPagesAndCounted) {
  const AccountNo a = Subscribe("a", 10, {10, 30});
  const AccountNo b = Subscribe("b", 10, {10});
  EXPECT_EQ(CountedAt(0, 100, 0, 1), std::vector<AccountNo>{a});
  EXPECT_EQ(CountedAt(0, 100, a, 1), std::vector<AccountNo>{b});
  const auto count = Read([](ReadTransaction& transaction) {
    return transaction.CountAccountsCountedAt("EUR", absl::InfinitePast(), absl::InfiniteFuture());
  });
  EXPECT_EQ(count, 2);
  const auto any = [&](const std::string& currency) {
    return Read([&](ReadTransaction& transaction) {
      return transaction.AnyCountedAt(currency, absl::InfinitePast(), absl::InfiniteFuture());
    });
  };
  EXPECT_TRUE(any("EUR"));
  EXPECT_FALSE(any("GBP"));
  EXPECT_FALSE(any("")) << "nobody asks who pays in the reporting currency";
}

TEST_P(StoreRatesTest, ARefreshGoesOnWhereItStoodAndEnds) {
  EXPECT_EQ(FindRefresh(), std::nullopt);
  AddRefresh("EUR", 10, 20);
  const Refresh asked = *FindRefresh();
  EXPECT_EQ(asked.currency, "EUR");
  EXPECT_EQ(asked.begin, Day(10));
  EXPECT_EQ(asked.end, Day(20));
  EXPECT_EQ(asked.after, 0);
  Advance(asked, 7);
  Open();
  EXPECT_EQ(FindRefresh()->after, 7);
  Advance(*FindRefresh(), std::nullopt);
  EXPECT_EQ(FindRefresh(), std::nullopt);
}

TEST_P(StoreRatesTest, WhatIsAddedToARefreshBeginsItAnewAndCoversBoth) {
  AddRefresh("EUR", 10, 20);
  Advance(*FindRefresh(), 7);
  const Refresh stale = *FindRefresh();
  AddRefresh("EUR", 15, 30);
  EXPECT_EQ(FindRefresh()->after, 0);
  EXPECT_EQ(FindRefresh()->begin, Day(10));
  EXPECT_EQ(FindRefresh()->end, Day(30));
  Advance(stale, 9);
  EXPECT_EQ(FindRefresh()->after, 0) << "what was read before it was added to no longer counts";
  Advance(stale, std::nullopt);
  EXPECT_TRUE(FindRefresh().has_value());
}

TEST_P(StoreRatesTest, ARefreshOfAllHasNoBounds) {
  Write([](WriteTransaction& transaction) {
    return transaction.AddRefresh("", absl::InfinitePast(), absl::InfiniteFuture());
  });
  EXPECT_EQ(FindRefresh()->begin, absl::InfinitePast());
  EXPECT_EQ(FindRefresh()->end, absl::InfiniteFuture());
}

TEST_P(StoreRatesTest, RulesComeWithTheStoreAndGrowByRevisions) {
  const auto newest = [&] {
    return *Read([](ReadTransaction& transaction) { return transaction.FindLifecycleRules(0); });
  };
  EXPECT_EQ(newest().rules, LifecycleRules());
  EXPECT_EQ(newest().author, "perennial");
  const LifecycleRevision second{.rules = {.revision = 2,
                                           .adoption_at_progress = {},
                                           .adoption_at_steps = {"a", "b"},
                                           .adoption_after_days = 0,
                                           .success_after_days = 7,
                                           .success_after_goals = 3,
                                           .churn_grace_days = 5},
                                 .author = "ann",
                                 .note = "why",
                                 .time = Day(3)};
  Write([&](WriteTransaction& transaction) { return transaction.PutLifecycleRules(second); });
  EXPECT_EQ(newest(), second);
  const auto older = Read([](ReadTransaction& transaction) { return transaction.ListLifecycleRules(2, 10); });
  ASSERT_EQ(older.size(), 1U);
  EXPECT_EQ(older[0].rules.revision, 1);
  const auto absent = Read([](ReadTransaction& transaction) { return transaction.FindLifecycleRules(9); });
  EXPECT_EQ(absent, std::nullopt);
}

TEST_P(StoreRatesTest, MovesAreKeptByMomentAndComeWithTheHistory) {
  const AccountNo no = Insert("a");
  const PhaseMove move{Day(5), Phase::kSuccess, "why", "ann", Day(9)};
  Write([&](WriteTransaction& transaction) { return transaction.PutPhaseMove(no, move); });
  const auto moves = [&](int until) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListPhaseMoves(no, Day(until)); });
  };
  EXPECT_EQ(moves(4), std::vector<PhaseMove>{});
  EXPECT_EQ(moves(5), std::vector<PhaseMove>{move});
  const auto history = Read([&](ReadTransaction& transaction) -> absl::StatusOr<AccountHistory> {
    const auto account = transaction.FindAccountByNo(no);
    if (!account.ok()) return account.status();
    return transaction.LoadHistory(**account, Day(6));
  });
  EXPECT_EQ(history.moves, std::vector<PhaseMove>{move});
}

TEST_P(StoreRatesTest, OneMoveOfAMomentStandsAndAllStayTraced) {
  const AccountNo no = Insert("a");
  const PhaseMove move{Day(5), Phase::kSuccess, "why", "ann", Day(9)};
  const UndoneMove undone{Day(10), "bob", "a mistake"};
  const auto put = [&](std::optional<UndoneMove> as) {
    return store_->Write([&](WriteTransaction& transaction) { return transaction.PutPhaseMove(no, move, as); }).status();
  };
  bool found = false;
  const auto undo = [&] {
    Write([&](WriteTransaction& transaction) -> absl::Status {
      const auto stood = transaction.UndoPhaseMove(no, Day(5), undone);
      found = stood.value_or(false);
      return stood.status();
    });
  };
  EXPECT_TRUE(put(std::nullopt).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(put(std::nullopt)));
  EXPECT_TRUE(put(undone).ok()) << "one that does not stand is in nobody's way";
  undo();
  EXPECT_TRUE(found);
  undo();
  EXPECT_FALSE(found);
  EXPECT_TRUE(put(std::nullopt).ok());
  const auto traced = [&](std::int64_t before, bool all, int limit) {
    return Read([&](ReadTransaction& transaction) { return transaction.ListTracedMoves(no, before, all, limit); });
  };
  EXPECT_EQ(traced(INT64_MAX, true, 9), (std::vector<TracedMove>{{3, move}, {2, move, undone}, {1, move, undone}}));
  EXPECT_EQ(traced(INT64_MAX, false, 9), (std::vector<TracedMove>{{3, move}}));
  EXPECT_EQ(traced(3, true, 1), (std::vector<TracedMove>{{2, move, undone}}));
  EXPECT_EQ(Read([&](ReadTransaction& transaction) { return transaction.ListPhaseMoves(no, Day(6)); }),
            std::vector<PhaseMove>{move});
}

INSTANTIATE_TEST_SUITE_P(All, StoreRatesTest, ::testing::ValuesIn(StoreKinds()), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace perennial::accounts::testing
