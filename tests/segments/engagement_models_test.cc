// Engagement models and managers: what is accepted, and which model an account has.

#include "absl/strings/str_cat.h"
#include "tests/segments/engagement_fixture.h"

namespace perennial::segments {
namespace {

using perennial::testing::HasCode;
using perennial::testing::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::EngagementTest;
using testing::FieldsOf;
using testing::ReasonOf;

TEST_F(EngagementTest, GivesEachAccountTheFirstModelByPriorityWhoseFilterIsTrue) {
  CreateModel("big", Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 10, "mrr >= 1000"));
  CreateModel("middle", Model(v1::ENGAGEMENT_TIER_POOLED, 20, "mrr >= 100"));
  accounts.Put("acme", {{"mrr", 5000.0}});
  accounts.Put("beta", {{"mrr", 500.0}});
  accounts.Put("core", {{"mrr", 5.0}});
  accounts.Put("dark", {});
  Sync();
  EXPECT_EQ(Engagement("acme").engagement_model().name(), "engagementModels/big");
  EXPECT_EQ(Engagement("beta").engagement_model().name(), "engagementModels/middle");
  EXPECT_EQ(Engagement("core").engagement_model().name(), "engagementModels/all");
  const v1::GetEngagementResponse dark = Engagement("dark");
  EXPECT_EQ(dark.engagement_model().name(), "engagementModels/all");
  ASSERT_EQ(dark.verdicts_size(), 3);
  EXPECT_THAT(dark.verdicts(0).reason(), HasSubstr("unknown"));
  EXPECT_FALSE(dark.verdicts(1).matched());
  EXPECT_TRUE(dark.verdicts(2).matched());
  EXPECT_THAT(Engagement("core").verdicts(0).reason(), HasSubstr("false: mrr >= 1000"));
  EXPECT_EQ(Engagement("acme").verdicts_size(), 1);
}

TEST_F(EngagementTest, EveryAccountIsOfExactlyOneModel) {
  accounts.Define("phase", facts::FactType::kString);
  Sync();
  CreateModel("big", Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 10, "mrr >= 50"));
  CreateModel("low", Model(v1::ENGAGEMENT_TIER_DIGITAL, 10, "mrr < 60 AND NOT phase = \"CHURNED\""));
  for (int i = 0; i < 100; ++i) accounts.Put(absl::StrCat("a", i), {{"mrr", static_cast<double>(i)}});
  accounts.Put("unknown", {});
  Sync();
  const auto coverage = engagements->GetCoverage({});
  ASSERT_THAT(coverage, IsOk());
  std::int64_t in_all = 0;
  for (const auto& share : coverage->models()) in_all += share.accounts();
  EXPECT_EQ(in_all, 101);
  EXPECT_EQ(coverage->models(0).accounts(), 50);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Engagement(absl::StrCat("a", i)).engagement_model().name(),
              i >= 50 ? "engagementModels/big" : "engagementModels/all")
        << i;
  }
}

TEST_F(EngagementTest, ModelsMayCallSegmentsWhichThenCannotBeDeleted) {
  Create("vip", "mrr > 100");
  CreateModel("vips", Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 10, "segment(\"vip\")"));
  accounts.Put("acme", {{"mrr", 500.0}});
  Sync();
  EXPECT_EQ(Engagement("acme").engagement_model().name(), "engagementModels/vips");
  Segments guarded(*engine, [&](const std::string& id) { return book->UsersOf(id); });
  v1::DeleteSegmentRequest remove;
  remove.set_name("segments/vip");
  const absl::Status refused = guarded.Delete(remove).status();
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("engagementModels/vips"));
  EXPECT_THAT(FieldsOf(TryCreateModel("x", Model(v1::ENGAGEMENT_TIER_POOLED, 1, "segment(\"vpi\")"))),
              ElementsAre("engagement_model.filter"));
}

TEST_F(EngagementTest, AlwaysKeepsAModelForEverybody) {
  v1::DeleteEngagementModelRequest remove;
  remove.set_name("engagementModels/all");
  EXPECT_EQ(ReasonOf(models->Delete(remove).status()), "LAST_MODEL_FOR_EVERYBODY");
  v1::UpdateEngagementModelRequest update;
  update.mutable_engagement_model()->set_name("engagementModels/all");
  update.mutable_engagement_model()->set_filter("mrr > 1");
  EXPECT_EQ(ReasonOf(models->Update(update).status()), "LAST_MODEL_FOR_EVERYBODY");
  CreateModel("other", Model(v1::ENGAGEMENT_TIER_DIGITAL, 5, ""));
  EXPECT_THAT(models->Update(update), IsOk());
  remove.set_name("engagementModels/other");
  EXPECT_EQ(ReasonOf(models->Delete(remove).status()), "LAST_MODEL_FOR_EVERYBODY");
}

TEST_F(EngagementTest, KeepsModelsAndManagersOverARestart) {
  CreateModel("big", Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, 10, "mrr >= 1000"));
  CreateManager("ada", 10, {"de"});
  v1::GetEngagementModelRequest model;
  model.set_name("engagementModels/big");
  v1::GetManagerRequest manager;
  manager.set_name("managers/ada");
  const std::string model_before = models->Get(model)->SerializeAsString();
  const std::string manager_before = managers->Get(manager)->SerializeAsString();
  OpenBook();
  EXPECT_EQ(models->Get(model)->SerializeAsString(), model_before);
  EXPECT_EQ(managers->Get(manager)->SerializeAsString(), manager_before);
}

TEST_F(EngagementTest, ChangesOnlyWhatTheMaskNamesAndTellsStaleEtags) {
  v1::UpdateEngagementModelRequest request;
  request.mutable_engagement_model()->set_name("engagementModels/all");
  request.mutable_engagement_model()->set_display_name("Everybody");
  request.mutable_engagement_model()->set_priority(7);
  request.mutable_update_mask()->add_paths("display_name");
  request.mutable_update_mask()->add_paths("channels");
  const auto updated = models->Update(request);
  ASSERT_THAT(updated, IsOk());
  EXPECT_EQ(updated->engagement_model().display_name(), "Everybody");
  EXPECT_EQ(updated->engagement_model().priority(), 1000);
  EXPECT_EQ(updated->engagement_model().channels_size(), 0);
  EXPECT_EQ(updated->engagement_model().cadences_size(), 1);
  request.mutable_engagement_model()->set_etag("\"old\"");
  EXPECT_THAT(models->Update(request).status(), HasCode(absl::StatusCode::kAborted));
  request.mutable_engagement_model()->set_etag(updated->engagement_model().etag());
  request.mutable_engagement_model()->set_display_name("All");
  request.set_validate_only(true);
  EXPECT_THAT(models->Update(request), IsOk());
  v1::GetEngagementModelRequest get;
  get.set_name("engagementModels/all");
  EXPECT_EQ(models->Get(get)->engagement_model().etag(), updated->engagement_model().etag());
}

TEST_F(EngagementTest, NamesEveryBadFieldOfAModel) {
  v1::EngagementModel bad = Model(v1::ENGAGEMENT_TIER_HIGH_TOUCH, -1, "mrrr > 1");
  bad.set_display_name(" ");
  bad.clear_manager_role();
  bad.set_onboarding(static_cast<v1::OnboardingKind>(9));
  AddCadence(bad, "NEVER", 10);
  AddCadence(bad, "ADOPTION", 367);
  AddCadence(bad, "ADOPTION", 1);
  bad.add_channels(v1::ENGAGEMENT_CHANNEL_CALL);
  bad.add_channels(static_cast<v1::EngagementChannel>(99));
  bad.add_required_skills("Bad Skill");
  bad.set_account_weight(1001);
  EXPECT_THAT(FieldsOf(TryCreateModel("Bad!", bad)),
              ElementsAre("engagement_model_id", "engagement_model.display_name", "engagement_model.priority",
                          "engagement_model.cadences[0].phase", "engagement_model.cadences[1].days",
                          "engagement_model.cadences[2].phase", "engagement_model.channels[1]",
                          "engagement_model.channels[2]", "engagement_model.onboarding",
                          "engagement_model.manager_role", "engagement_model.required_skills[0]",
                          "engagement_model.account_weight", "engagement_model.filter"));
}

TEST_F(EngagementTest, NamesEveryBadFieldOfAManager) {
  v1::Manager bad;
  bad.set_display_name(std::string(129, 'x'));
  bad.set_owner(std::string(129, 'x'));
  bad.add_skills("api");
  bad.add_skills("api");
  bad.add_languages("");
  bad.add_roles(v1::MANAGER_ROLE_UNSPECIFIED);
  bad.set_profile(static_cast<v1::ManagerProfile>(9));
  bad.set_capacity(-1);
  EXPECT_THAT(FieldsOf(TryCreateManager("Bad!", bad)),
              ElementsAre("manager_id", "manager.display_name", "manager.owner", "manager.skills[1]",
                          "manager.languages[0]", "manager.roles[0]", "manager.profile", "manager.capacity"));
  CreateManager("ada", 1);
  v1::Manager twin;
  twin.set_owner("ada");
  EXPECT_THAT(FieldsOf(TryCreateManager("bob", twin)), ElementsAre("manager.owner"));
}

TEST_F(EngagementTest, ListsModelsAsTheyAreTriedAndManagersById) {
  CreateModel("z", Model(v1::ENGAGEMENT_TIER_POOLED, 1, "mrr > 1"));
  CreateModel("b", Model(v1::ENGAGEMENT_TIER_POOLED, 50, "mrr > 2"));
  CreateModel("a", Model(v1::ENGAGEMENT_TIER_POOLED, 50, "mrr > 3"));
  v1::ListEngagementModelsRequest request;
  request.set_page_size(1);
  std::vector<std::string> names;
  do {
    const auto page = models->List(request);
    ASSERT_THAT(page, IsOk());
    for (const auto& model : page->engagement_models()) names.push_back(model.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("engagementModels/z", "engagementModels/a", "engagementModels/b",
                                 "engagementModels/all"));
  CreateManager("bob", 1);
  CreateManager("ada", 1);
  v1::ListManagersRequest list;
  list.set_page_size(1);
  const auto first = managers->List(list);
  ASSERT_EQ(first->managers_size(), 1);
  EXPECT_EQ(first->managers(0).name(), "managers/ada");
  list.set_page_token(first->next_page_token());
  EXPECT_EQ(managers->List(list)->managers(0).name(), "managers/bob");
  EXPECT_EQ(managers->List(list)->next_page_token(), "");
}

TEST(StarterEngagementModels, AreGoodTakeEverybodyAndAreCreatedOnce) {
  const auto parsed = ParseEngagementModels(StarterEngagementModelsText());
  ASSERT_THAT(parsed, IsOk());
  testing::TempFolder folder;
  testing::ManualClock clock;
  for (int run = 0; run < 2; ++run) {
    auto store = EngagementStore::Open(folder.path() + "/engagement.db");
    ASSERT_THAT(store, IsOk());
    auto book = EngagementBook::Open(**store, clock, *parsed);
    ASSERT_THAT(book, IsOk());
    const std::size_t count = (*book)->Read([](const EngagementState& state) { return state.models.size(); });
    EXPECT_EQ(count, run == 0 ? 3U : 2U);
    EXPECT_TRUE((*book)->Read([](const EngagementState& state) { return state.models.back().filter().empty(); }));
    // What was deleted does not come back.
    ASSERT_THAT((*book)->Edit([](EngagementBook::Editor& editor) { return editor.DeleteModel("pooled"); }), IsOk());
  }
}

}  // namespace
}  // namespace perennial::segments
