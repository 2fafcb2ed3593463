#include "accounts-svc/facts/lifecycle.h"

#include "absl/strings/str_cat.h"
#include "tests/accounts/facts_fixture.h"

namespace perennial::accounts::testing {
namespace {

class LifecycleTest : public FactsTest {
 protected:
  // The phases with the day each was entered, counted from 1 January 2024 (day 0).
  std::string Timeline() {
    std::string text;
    for (const PhaseChange& change : Compute().phases) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(change.phase), " ",
                      DayOf(change.time) - DayOf(At("2024-01-01T00:00:00Z")));
    }
    return text;
  }
  static absl::Time Day(int day) { return At("2024-01-01T00:00:00Z") + absl::Hours(24) * day; }
  void LookAt(int day) { now_ = Day(day); }
};

TEST_F(LifecycleTest, WithoutASubscriptionThereIsNoPhase) {
  EXPECT_EQ(Timeline(), "");
  EXPECT_EQ(Fact("phase"), "unknown");
  EXPECT_EQ(Fact("phase_days"), "unknown");
}

TEST_F(LifecycleTest, ATrialIsATrialUntilSomethingIsPaid) {
  Subscribe("t", Day(3), 50, {.trial = true});
  LookAt(30);
  EXPECT_EQ(Timeline(), "TRIAL 3");
  Subscribe("p", Day(17), 50);
  EXPECT_EQ(Timeline(), "TRIAL 3, ONBOARDING 17");
  EXPECT_EQ(Fact("phase"), "ONBOARDING");
  EXPECT_EQ(Fact("phase_days"), "13");
}

TEST_F(LifecycleTest, ATrialThatBeganWithPayingIsNone) {
  Subscribe("p", Day(3), 50);
  Subscribe("t", Day(3), 50, {.trial = true});
  LookAt(4);
  EXPECT_EQ(Timeline(), "ONBOARDING 3");
}

TEST_F(LifecycleTest, FullProgressEndsOnboarding) {
  Subscribe("p", Day(0), 50);
  history_.milestones = {{Day(5), "half", 0.5}, {Day(20), "live", 1.0}};
  LookAt(30);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 20");
  EXPECT_EQ(Compute().phases.back().cause, "onboarding progress reached 100 %");
}

TEST_F(LifecycleTest, FirstValueEndsOnboarding) {
  Subscribe("p", Day(0), 50);
  history_.milestones = {{Day(12), "first_value", {}}, {Day(20), "live", 1.0}};
  LookAt(30);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 12");
  EXPECT_EQ(Compute().phases.back().cause, "first value was reached");
}

TEST_F(LifecycleTest, ValueReachedDuringTheTrialLeavesNoTimeForOnboarding) {
  Subscribe("t", Day(0), 50, {.trial = true});
  Subscribe("p", Day(14), 50);
  history_.milestones = {{Day(7), "first_value", {}}};
  LookAt(30);
  EXPECT_EQ(Timeline(), "TRIAL 0, ADOPTION 14");
}

TEST_F(LifecycleTest, OnboardingTakesNinetyDaysAtTheLongest) {
  Subscribe("p", Day(0), 50);
  LookAt(89);
  EXPECT_EQ(Timeline(), "ONBOARDING 0");
  LookAt(90);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 90");
}

TEST_F(LifecycleTest, AdoptionOfHalfAYearIsSuccess) {
  Subscribe("p", Day(0), 50);
  history_.milestones = {{Day(10), "first_value", {}}};
  LookAt(189);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 10");
  LookAt(190);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 10, SUCCESS 190");
}

TEST_F(LifecycleTest, ExpansionAndContractionChangeNoPhase) {
  Subscribe("p", Day(0), 50);
  Subscribe("q", Day(30), 20, {.end = Day(60)});
  LookAt(80);
  EXPECT_EQ(Timeline(), "ONBOARDING 0");
}

TEST_F(LifecycleTest, LosingTheLastPaidSubscriptionIsChurn) {
  Subscribe("p", Day(0), 50, {.end = Day(40)});
  Subscribe("t", Day(50), 50, {.trial = true});
  LookAt(60);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, CHURNED 40");
  EXPECT_EQ(Fact("phase_days"), "20");
}

TEST_F(LifecycleTest, ChurnFreezesTheTrajectory) {
  Subscribe("p", Day(0), 50, {.end = Day(40)});
  history_.milestones = {{Day(50), "first_value", {}}};
  LookAt(400);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, CHURNED 40");
}

TEST_F(LifecycleTest, ComingBackAfterOnboardingIsAdoptionAnew) {
  Subscribe("p", Day(0), 50, {.end = Day(100)});
  Subscribe("q", Day(130), 50);
  LookAt(320);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 90, CHURNED 100, ADOPTION 130, SUCCESS 310");
  EXPECT_EQ(Compute().phases[3].cause, "came back: a paid subscription began again");
}

TEST_F(LifecycleTest, ComingBackBeforeOnboardingWasDoneGoesOnWithIt) {
  Subscribe("p", Day(0), 50, {.end = Day(20)});
  Subscribe("q", Day(30), 50);
  LookAt(100);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, CHURNED 20, ONBOARDING 30, ADOPTION 90");
}

TEST_F(LifecycleTest, SuccessCountsUnbrokenPayingOnly) {
  Subscribe("p", Day(0), 50, {.end = Day(200)});
  Subscribe("q", Day(201), 50);
  LookAt(380);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 90, CHURNED 200, ADOPTION 201");
  LookAt(381);
  EXPECT_EQ(Timeline(), "ONBOARDING 0, ADOPTION 90, CHURNED 200, ADOPTION 201, SUCCESS 381");
}

TEST_F(LifecycleTest, ASwapAtTheSameMomentIsNoChurn) {
  Subscribe("p", Day(0), 50, {.end = Day(20)});
  Subscribe("q", Day(20), 70);
  LookAt(30);
  EXPECT_EQ(Timeline(), "ONBOARDING 0");
}

TEST_F(LifecycleTest, ThePhaseThatComesTodayIsAnnouncedAsTheNextChange) {
  Subscribe("p", Day(0) + absl::Hours(9), 50);
  now_ = Day(90) + absl::Hours(8);
  EXPECT_EQ(Compute().next_change, Day(90) + absl::Hours(9));
  now_ = Day(90) + absl::Hours(9);
  EXPECT_EQ(Compute().next_change, std::nullopt);
  now_ = Day(89);
  EXPECT_EQ(Compute().next_change, std::nullopt) << "midnight comes first";
}

}  // namespace
}  // namespace perennial::accounts::testing
