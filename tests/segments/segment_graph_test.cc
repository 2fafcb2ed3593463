#include "segment-svc/segment_graph.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"

namespace perennial::segments {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SegmentGraphTest, PutsTheCalledBeforeTheCaller) {
  EXPECT_THAT(DependencyOrder({{"a", {"b", "c"}}, {"b", {"c"}}, {"c", {}}, {"d", {"a"}}}),
              ElementsAre("c", "b", "a", "d"));
}

TEST(SegmentGraphTest, IgnoresCallsOfWhatIsNotThere) {
  EXPECT_THAT(DependencyOrder({{"a", {"gone"}}}), ElementsAre("a"));
}

TEST(SegmentGraphTest, OrdersAChainOfTenThousandWithoutRecursion) {
  SegmentGraph graph;
  for (int i = 0; i < 10000; ++i) graph[absl::StrCat("s", i)] = {absl::StrCat("s", i + 1)};
  const auto order = DependencyOrder(graph);
  ASSERT_EQ(order.size(), 10000U);
  EXPECT_EQ(order.front(), "s9999");
  EXPECT_EQ(order.back(), "s0");
}

TEST(SegmentGraphTest, NamesTheShortestCycle) {
  const SegmentGraph graph{{"a", {"b", "d"}}, {"b", {"c"}}, {"c", {"a"}}, {"d", {"a"}}};
  EXPECT_THAT(FindCycle(graph, "a"), ElementsAre("a", "d", "a"));
  EXPECT_THAT(FindCycle(graph, "b"), ElementsAre("b", "c", "a", "b"));
}

TEST(SegmentGraphTest, FindsACallOfItself) { EXPECT_THAT(FindCycle({{"a", {"a"}}}, "a"), ElementsAre("a", "a")); }

TEST(SegmentGraphTest, FindsNoCycleWhereThereIsNone) {
  // "a" is not on the cycle that it leads to.
  EXPECT_THAT(FindCycle({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}, "a"), IsEmpty());
}

TEST(SegmentGraphTest, NamesCallersInOrder) {
  EXPECT_THAT(CallersOf({{"c", {"x"}}, {"a", {"y", "x"}}, {"b", {"y"}}}, "x"), ElementsAre("a", "c"));
}

}  // namespace
}  // namespace perennial::segments
