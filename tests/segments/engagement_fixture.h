#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "segment-svc/engagement_book.h"
#include "segment-svc/engagement_managers.h"
#include "segment-svc/engagement_models.h"
#include "segment-svc/engagements.h"
#include "segment-svc/starter_engagement_models.h"
#include "tests/segments/engine_fixture.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments::testing {

// Fields that an error names.
inline std::vector<std::string> FieldsOf(const absl::Status& status) {
  google::rpc::BadRequest detail;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.BadRequest");
  if (payload.has_value()) detail.ParseFromString(std::string(*payload));
  std::vector<std::string> fields;
  for (const auto& violation : detail.field_violations()) fields.push_back(violation.field());
  return fields;
}

inline std::string ReasonOf(const absl::Status& status) {
  google::rpc::ErrorInfo detail;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  if (payload.has_value()) detail.ParseFromString(std::string(*payload));
  return detail.reason();
}

// An engine with an engagement book beside it: one model "all" for everybody, pooled, a touch each 10 days in ADOPTION.
class EngagementTest : public EngineTest {
 protected:
  EngagementTest() {
    OpenBook();
    accounts.Define("mrr", facts::FactType::kNumber);
    accounts.Define("attributes.language", facts::FactType::kString);
    v1::EngagementModel all = Model(v1::ENGAGEMENT_TIER_POOLED, 1000, "");
    AddCadence(all, "ADOPTION", 10);
    Sync();
    CreateModel("all", all);
  }

  void OpenBook() {
    engagements.reset();
    managers.reset();
    models.reset();
    book.reset();
    engagement_store.reset();
    auto opened = EngagementStore::Open(folder.path() + "/engagement.db");
    ASSERT_THAT(opened, perennial::testing::IsOk());
    engagement_store = *std::move(opened);
    auto started = EngagementBook::Open(*engagement_store, clock, shipped);
    ASSERT_THAT(started, perennial::testing::IsOk());
    book = *std::move(started);
    models = std::make_unique<EngagementModels>(*engine, *book);
    managers = std::make_unique<EngagementManagers>(*book);
    engagements = std::make_unique<Engagements>(*engine, *book, "USD");
  }

  static v1::EngagementModel Model(v1::EngagementTier tier, int priority, const std::string& filter) {
    v1::EngagementModel model;
    model.set_display_name("A model");
    model.set_priority(priority);
    model.set_filter(filter);
    model.set_tier(tier);
    model.set_onboarding(v1::ONBOARDING_KIND_GUIDED_CALLS);
    if (tier != v1::ENGAGEMENT_TIER_DIGITAL) model.set_manager_role(v1::MANAGER_ROLE_ADOPTION);
    model.add_channels(v1::ENGAGEMENT_CHANNEL_CALL);
    return model;
  }
  static void AddCadence(v1::EngagementModel& model, const std::string& phase, int days) {
    v1::TouchCadence* cadence = model.add_cadences();
    cadence->set_phase(phase);
    cadence->set_days(days);
  }
  absl::Status TryCreateModel(const std::string& id, const v1::EngagementModel& model) {
    v1::CreateEngagementModelRequest request;
    request.set_engagement_model_id(id);
    *request.mutable_engagement_model() = model;
    return models->Create(request).status();
  }
  void CreateModel(const std::string& id, const v1::EngagementModel& model) {
    EXPECT_THAT(TryCreateModel(id, model), perennial::testing::IsOk());
  }
  absl::Status TryCreateManager(const std::string& id, v1::Manager manager) {
    v1::CreateManagerRequest request;
    request.set_manager_id(id);
    if (manager.display_name().empty()) manager.set_display_name(id);
    *request.mutable_manager() = std::move(manager);
    return managers->Create(request).status();
  }
  void CreateManager(const std::string& id, int capacity, const std::vector<std::string>& languages = {}) {
    v1::Manager manager;
    manager.set_capacity(capacity);
    for (const std::string& language : languages) manager.add_languages(language);
    EXPECT_THAT(TryCreateManager(id, manager), perennial::testing::IsOk());
  }
  v1::GetEngagementResponse Engagement(const std::string& account) {
    v1::GetEngagementRequest request;
    request.set_account("accounts/" + account);
    const auto got = engagements->Get(request);
    EXPECT_THAT(got, perennial::testing::IsOk());
    return got.ok() ? *got : v1::GetEngagementResponse();
  }
  // "account -> manager" of a proposal.
  static std::vector<std::string> Moves(const v1::AssignAccountsResponse& plan) {
    std::vector<std::string> moves;
    for (const auto& assignment : plan.assignments()) {
      moves.push_back(assignment.account() + " -> " + assignment.manager());
    }
    return moves;
  }
  v1::AssignAccountsResponse Assign(v1::AssignAccountsRequest request) {
    const auto plan = engagements->Assign(request);
    EXPECT_THAT(plan, perennial::testing::IsOk());
    return plan.ok() ? *plan : v1::AssignAccountsResponse();
  }
  // A dry run, then the same for good.
  v1::AssignAccountsResponse Apply(v1::AssignAccountsRequest request) {
    request.set_etag(Assign(request).etag());
    request.set_apply(true);
    return Assign(request);
  }

  std::vector<v1::EngagementModel> shipped;
  std::unique_ptr<EngagementStore> engagement_store;
  std::unique_ptr<EngagementBook> book;
  std::unique_ptr<EngagementModels> models;
  std::unique_ptr<EngagementManagers> managers;
  std::unique_ptr<Engagements> engagements;
};

}  // namespace perennial::segments::testing
