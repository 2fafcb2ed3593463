#include <gmock/gmock.h>

#include "perennial/gateway/v1/customer_service.grpc.pb.h"
#include "tests/gateway/gateway_fixture.h"

namespace perennial::gateway::testing {
namespace {

using ::testing::HasSubstr;

class CustomerServiceTest : public GatewayTest {
 protected:
  grpc::Status Get(const std::string& name, std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
    grpc::ClientContext context;
    SetTimeout(context, timeout);
    v1::GetCustomer360Request request;
    request.set_name(name);
    return v1::CustomerService::NewStub(channel_)->GetCustomer360(&context, request, &picture_);
  }

  v1::GetCustomer360Response picture_;
};

TEST_F(CustomerServiceTest, ComposesAllParts) {
  ASSERT_TRUE(Get("accounts/acme").ok());
  EXPECT_EQ(picture_.account().name(), "accounts/acme");
  EXPECT_EQ(picture_.subscriptions(0).name(), "accounts/acme/subscriptions/s1");
  EXPECT_EQ(picture_.facts(0).name(), "mrr");
  EXPECT_EQ(picture_.health().score().name(), "accounts/acme/healthScore");
  EXPECT_EQ(picture_.flags(0).name(), "accounts/acme/flags/silent");
  EXPECT_EQ(picture_.value().name(), "accounts/acme/value");
  EXPECT_EQ(picture_.segments(0).account(), "accounts/acme");
  EXPECT_EQ(picture_.engagement().account(), "accounts/acme");
  EXPECT_EQ(picture_.engagement().engagement_model().name(), "engagementModels/pooled");
  EXPECT_EQ(picture_.contacts(0).name(), "accounts/acme/contacts/c1");
  EXPECT_EQ(picture_.goals(0).name(), "accounts/acme/goals/g1");
  EXPECT_EQ(picture_.tasks(0).name(), "accounts/acme/tasks/t1");
  EXPECT_EQ(picture_.tasks(0).state(), accounts::v1::TASK_STATE_OPEN);
  EXPECT_EQ(picture_.timeline(0).summary(), "Call, inbound");
  EXPECT_EQ(picture_.missing_parts_size(), 0);
  EXPECT_EQ(subscriptions_.page_size, 1000);
  EXPECT_EQ(timeline_.page_size, 20);
}

TEST_F(CustomerServiceTest, NamesThePartsOfAServiceThatIsDown) {
  health_process_.Stop();
  ASSERT_TRUE(Get("accounts/acme").ok());
  ASSERT_EQ(picture_.missing_parts_size(), 3);
  EXPECT_EQ(picture_.missing_parts(0).part(), "health");
  EXPECT_EQ(picture_.missing_parts(0).status().code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(picture_.missing_parts(0).status().message(), HasSubstr("health-svc"));
  EXPECT_EQ(picture_.missing_parts(0).status().details_size(), 2);
  EXPECT_EQ(picture_.missing_parts(1).part(), "flags");
  EXPECT_EQ(picture_.missing_parts(2).part(), "value");
  EXPECT_FALSE(picture_.has_health());
  EXPECT_EQ(picture_.account().name(), "accounts/acme");
  EXPECT_EQ(picture_.facts_size(), 1);
  EXPECT_EQ(picture_.segments_size(), 1);
}

TEST_F(CustomerServiceTest, NamesTheValueThatAnOlderHealthSvcDoesNotTell) {
  values_.unknown = true;
  ASSERT_TRUE(Get("accounts/acme").ok());
  ASSERT_EQ(picture_.missing_parts_size(), 1);
  EXPECT_EQ(picture_.missing_parts(0).part(), "value");
  EXPECT_EQ(picture_.missing_parts(0).status().code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_TRUE(picture_.has_health());
}

TEST_F(CustomerServiceTest, OnePartOfAServiceMayFailAlone) {
  tasks_.fail = true;
  ASSERT_TRUE(Get("accounts/acme").ok());
  ASSERT_EQ(picture_.missing_parts_size(), 1);
  EXPECT_EQ(picture_.missing_parts(0).part(), "tasks");
  EXPECT_EQ(picture_.missing_parts(0).status().code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(picture_.tasks_size(), 0);
  EXPECT_EQ(picture_.goals_size(), 1);
  EXPECT_EQ(picture_.timeline_size(), 1);
}

TEST_F(CustomerServiceTest, NamesTheEngagementThatSegmentSvcCannotTell) {
  engagements_.fail = true;
  ASSERT_TRUE(Get("accounts/acme").ok());
  ASSERT_EQ(picture_.missing_parts_size(), 1);
  EXPECT_EQ(picture_.missing_parts(0).part(), "engagement");
  EXPECT_EQ(picture_.missing_parts(0).status().code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(picture_.has_engagement());
  EXPECT_EQ(picture_.segments_size(), 1);
}

TEST_F(CustomerServiceTest, NamesThePartThatHangsInTime) {
  facts_.hang_facts = true;
  ASSERT_TRUE(Get("accounts/acme", std::chrono::milliseconds(3000)).ok());
  ASSERT_EQ(picture_.missing_parts_size(), 1);
  EXPECT_EQ(picture_.missing_parts(0).part(), "facts");
  EXPECT_EQ(picture_.missing_parts(0).status().code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(picture_.subscriptions_size(), 1);
}

TEST_F(CustomerServiceTest, FailsWithoutTheAccount) {
  const grpc::Status absent = Get("accounts/absent");
  EXPECT_EQ(absent.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(absent).reason(), "ACCOUNT_NOT_FOUND");
  accounts_process_.Stop();
  const grpc::Status down = Get("accounts/acme");
  EXPECT_EQ(down.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(down.error_message(), HasSubstr("accounts-svc"));
}

TEST_F(CustomerServiceTest, RefusesABadNameByField) {
  for (const char* name : {"", "acme", "accounts/", "accounts/a/b", "segments/acme"}) {
    const grpc::Status status = Get(name);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << name;
    EXPECT_EQ(DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(), "name");
  }
  EXPECT_EQ(accounts_.seen.count(), 0);
}

class CustomerBatchTest : public GatewayTest {
 protected:
  grpc::Status Get(const std::vector<std::string>& names) {
    grpc::ClientContext context;
    SetTimeout(context);
    v1::BatchGetCustomer360Request request;
    request.mutable_names()->Assign(names.begin(), names.end());
    pictures_.Clear();
    return v1::CustomerService::NewStub(channel_)->BatchGetCustomer360(&context, request, &pictures_);
  }
  v1::BatchGetCustomer360Response pictures_;
};

TEST_F(CustomerBatchTest, ComposesSeveralInOrder) {
  std::vector<std::string> names;
  for (int i = 100; i > 0; --i) names.push_back("accounts/a" + std::to_string(i));
  ASSERT_TRUE(Get(names).ok());
  ASSERT_EQ(pictures_.customers_size(), 100);
  for (int i = 0; i < 100; ++i) {
    const v1::GetCustomer360Response& picture = pictures_.customers(i);
    EXPECT_EQ(picture.account().name(), names[i]);
    EXPECT_EQ(picture.facts(0).name(), "mrr");
    EXPECT_EQ(picture.health().score().name(), names[i] + "/healthScore");
    EXPECT_EQ(picture.flags(0).name(), names[i] + "/flags/silent");
    EXPECT_EQ(picture.value().name(), names[i] + "/value");
    EXPECT_EQ(picture.segments(0).account(), names[i]);
    EXPECT_EQ(picture.engagement().account(), names[i]);
    EXPECT_EQ(picture.missing_parts_size(), 0);
  }
}

TEST_F(CustomerBatchTest, NamesThePartsThatAreMissingForEach) {
  values_.unknown = true;
  ASSERT_TRUE(Get({"accounts/acme", "accounts/unscored"}).ok());
  EXPECT_TRUE(pictures_.customers(0).has_health()) << "an account that is not scored yet hides no other's score";
  ASSERT_EQ(pictures_.customers(0).missing_parts_size(), 1);
  EXPECT_EQ(pictures_.customers(0).missing_parts(0).part(), "value");
  ASSERT_EQ(pictures_.customers(1).missing_parts_size(), 2);
  EXPECT_EQ(pictures_.customers(1).missing_parts(0).part(), "health");
  segments_process_.Stop();
  ASSERT_TRUE(Get({"accounts/acme"}).ok());
  EXPECT_EQ(pictures_.customers(0).missing_parts_size(), 3);
  EXPECT_EQ(pictures_.customers(0).facts_size(), 1);
}

TEST_F(CustomerBatchTest, FailsAsAWholeWithoutAnAccount) {
  EXPECT_EQ(Get({"accounts/acme", "accounts/absent"}).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(pictures_.customers_size(), 0);
}

TEST_F(CustomerBatchTest, RefusesBadNamesByField) {
  const auto fields = [&](const std::vector<std::string>& names) {
    const grpc::Status status = Get(names);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    std::vector<std::string> out;
    const auto details = DetailOf<google::rpc::BadRequest>(status);
    for (const auto& violation : details.field_violations()) out.push_back(violation.field());
    return out;
  };
  using Fields = std::vector<std::string>;
  EXPECT_EQ(fields({}), Fields{"names"});
  EXPECT_EQ(fields(std::vector<std::string>(101, "accounts/a")), Fields{"names"});
  EXPECT_EQ(fields({"accounts/a", "x", "accounts/a", ""}), (Fields{"names[1]", "names[2]", "names[3]"}));
  EXPECT_EQ(accounts_.seen.count(), 0);
}

TEST_F(CustomerServiceTest, CancelsThePartsWhenTheCallerLeaves) {
  grpc::ClientContext context;
  SetTimeout(context);
  v1::GetCustomer360Request request;
  request.set_name("accounts/hangs");
  grpc::Status status;
  std::atomic<bool> done = false;
  const auto stub = v1::CustomerService::NewStub(channel_);
  stub->async()->GetCustomer360(&context, &request, &picture_, [&](const grpc::Status& result) {
    status = result;
    done = true;
  });
  ASSERT_TRUE(Eventually([&] { return accounts_.seen.count() == 1; }));
  context.TryCancel();
  EXPECT_TRUE(Eventually([&] { return accounts_.cancelled == 1; }));
  ASSERT_TRUE(Eventually([&] { return done.load(); }));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
}

}  // namespace
}  // namespace perennial::gateway::testing
