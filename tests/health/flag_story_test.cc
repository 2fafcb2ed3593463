#include "health-svc/flag_story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "health-svc/flag_transitions.h"

namespace perennial::health {
namespace {

std::vector<v1::FlagCause> Causes(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::vector<v1::FlagCause> out;
  for (const auto& [fact, value] : facts) {
    out.emplace_back().set_fact(fact);
    out.back().set_value(value);
  }
  return out;
}

v1::FlagTransition Step(v1::FlagState state, const std::string& actor, const std::vector<v1::FlagCause>& causes,
                        const std::string& note = "") {
  v1::FlagTransition out;
  out.set_state(state);
  out.set_actor(actor);
  out.set_note(note);
  out.mutable_time()->set_seconds(1735603199);
  out.mutable_time()->set_nanos(250000);
  out.mutable_causes()->Assign(causes.begin(), causes.end());
  return out;
}

template <class Messages>
std::vector<std::string> BytesOf(const Messages& messages) {
  std::vector<std::string> out;
  for (const auto& message : messages) out.push_back(message.SerializeAsString());
  return out;
}

void ExpectTold(const FlagStory& story, const std::vector<v1::FlagCause>& causes,
                const std::vector<v1::FlagTransition>& transitions) {
  EXPECT_EQ(BytesOf(story.Causes()), BytesOf(causes));
  EXPECT_EQ(BytesOf(story.Transitions()), BytesOf(transitions));
}

TEST(FlagStoryTest, IsEmptyAtFirst) { ExpectTold(FlagStory(), {}, {}); }

TEST(FlagStoryTest, TellsWhatItWasMadeOf) {
  const auto raised = Causes({{"usage.change_30d", "-0.41"}, {"nps.latest", ""}});
  const auto later = Causes({{"usage.change_30d", "-0.5"}, {"nps.latest", "3"}});
  const std::vector<v1::FlagTransition> transitions = {
      Step(v1::FLAG_STATE_OPEN, kSelf, raised), Step(v1::FLAG_STATE_ACKNOWLEDGED, "ann", later, "I call them"),
      Step(v1::FLAG_STATE_RESOLVED, "=odd", {}), Step(v1::FLAG_STATE_OPEN, "", later)};
  ExpectTold(FlagStory(raised, transitions), raised, transitions);
  ExpectTold(FlagStory(later, transitions), later, transitions);
}

TEST(FlagStoryTest, KeepsCausesThatNoStepTells) {
  const auto causes = Causes({{"seats", "12"}});
  ExpectTold(FlagStory(causes, {}), causes, {});
  const std::vector<v1::FlagTransition> others = {Step(v1::FLAG_STATE_OPEN, kSelf, Causes({{"seats", "13"}})),
                                                  Step(v1::FLAG_STATE_CLEARED, kSelf, causes)};
  ExpectTold(FlagStory(causes, others), causes, others);
}

TEST(FlagStoryTest, IsCopiedAndMoved) {
  const auto causes = Causes({{"seats", "12"}});
  const std::vector<v1::FlagTransition> transitions = {Step(v1::FLAG_STATE_OPEN, kSelf, causes)};
  FlagStory story(causes, transitions);
  FlagStory copy(story);
  FlagStory assigned;
  assigned = copy;
  story = FlagStory();
  ExpectTold(story, {}, {});
  ExpectTold(copy, causes, transitions);
  ExpectTold(assigned, causes, transitions);
  const FlagStory moved = std::move(copy);
  ExpectTold(moved, causes, transitions);
}

}  // namespace
}  // namespace perennial::health
