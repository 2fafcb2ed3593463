// accounts-svc against the plain model: random stories, all answers compared, now and as of the past.
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/accounts/model/model_run.h"

namespace perennial::accounts::testing {
namespace {

constexpr char kStart[] = "2024-06-30T12:00:00Z";

bool Long() { return std::getenv("PERENNIAL_LONG") != nullptr; }

class ModelTest : public ::testing::TestWithParam<unsigned> {};

// PERENNIAL_MODEL_SEED=17 tells the story of that seed alone; PERENNIAL_MODEL_STEPS changes its length.
TEST_P(ModelTest, AnswersAsThePlainModelDoes) {
  const char* seed_text = std::getenv("PERENNIAL_MODEL_SEED");
  const char* steps_text = std::getenv("PERENNIAL_MODEL_STEPS");
  const unsigned first = seed_text != nullptr ? static_cast<unsigned>(std::atoi(seed_text)) : GetParam() * 1000;
  const int steps = steps_text != nullptr ? std::atoi(steps_text) : Long() ? 1500 : 220;
  const unsigned stories = seed_text != nullptr || !Long() ? 1 : 10;
  for (unsigned seed = first; seed < first + stories; ++seed) {
    const absl::Time start = At(kStart);
    const std::vector<Step> story = StoryTeller(seed, start).Tell(steps);
    const std::string difference = ModelRun(start, absl::Seconds(60)).Run(story);
    if (difference.empty()) continue;
    const std::vector<Step> shortest = Shortened(story, start, absl::Seconds(60));
    std::string text;
    for (const Step& step : shortest) absl::StrAppend(&text, "  ", TextOf(step), "\n");
    FAIL() << "seed " << seed << ": " << difference << "the shortest story that goes wrong:\n"
           << text << ModelRun(start, absl::Seconds(2)).Run(shortest);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range(1U, 5U));

}  // namespace
}  // namespace perennial::accounts::testing
