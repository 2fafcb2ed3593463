// Values of accounts that two replicas share.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/money.h"
#include "tests/health/sharded_fixture.h"

namespace perennial::health {
namespace {

using ::testing::HasSubstr;

class ShardedValuesTest : public ShardedFixture {
 protected:
  static constexpr int kAccounts = 40;

  void SetUp() override {
    for (int i = 0; i < kAccounts; ++i) {
      accounts_.Put(absl::StrCat("a", i), {{"mrr", 100.0 + (i * 7) % kAccounts},
                                           {"tenure_days", 400.0},
                                           {"phase", std::string("SUCCESS")},
                                           {"use", 50.0}});
    }
    // One whose value nobody can tell.
    accounts_.Put("unknown", {{"use", 50.0}});
    ASSERT_NO_FATAL_FAILURE(StartBoth());
    ASSERT_NO_FATAL_FAILURE(WaitForBoth());
    // Through one of them; each makes the model.
    v1::FitRetentionModelRequest request;
    request.set_value_model_id("cohort");
    request.set_author("kim");
    request.set_period_months(12);
    request.set_family(v1::RETENTION_FAMILY_SHIFTED_BETA_GEOMETRIC);
    v1::CohortSurvivors* cohort = request.add_cohorts();
    for (const double survivors : {1000.0, 869.0, 743.0, 653.0, 593.0, 551.0}) {
      cohort->add_survivors(survivors);
    }
    v1::FitRetentionModelResponse fitted;
    const grpc::Status status =
        Call(&v1::ValueService::Stub::FitRetentionModel, Values(1), request, &fitted, std::chrono::seconds(60));
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  std::string Name(int i) const { return absl::StrCat("accounts/a", i, "/value"); }
  v1::CustomerValue Value(int replica, const std::string& account) {
    v1::GetValueRequest request;
    request.set_name("accounts/" + account + "/value");
    request.set_min_facts_revision(accounts_.revision());
    v1::GetValueResponse response;
    const grpc::Status status = Call(&v1::ValueService::Stub::GetValue, Values(replica), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.value();
  }
  std::vector<v1::CustomerValue> ListAll(int replica, const std::string& order, int page_size,
                                         v1::ListValuesResponse* last) {
    std::vector<v1::CustomerValue> out;
    v1::ListValuesRequest request;
    request.set_order_by(order);
    request.set_page_size(page_size);
    request.set_min_facts_revision(accounts_.revision());
    do {
      last->Clear();
      const grpc::Status status = Call(&v1::ValueService::Stub::ListValues, Values(replica), request, last);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(last->values_size(), page_size);
      out.insert(out.end(), last->values().begin(), last->values().end());
      request.set_page_token(last->next_page_token());
    } while (!request.page_token().empty() && out.size() < 1000);
    return out;
  }
};

TEST_F(ShardedValuesTest, EitherAnswersForAll) {
  for (int i = 0; i < 10; ++i) {
    const std::string account = absl::StrCat("a", i);
    const v1::CustomerValue first = Value(0, account);
    EXPECT_EQ(first.name(), Name(i));
    EXPECT_EQ(first.clv().amount(), Value(1, account).clv().amount());
    EXPECT_TRUE(first.has_clv());
  }
  v1::GetValueRequest request;
  request.set_name("accounts/nobody/value");
  v1::GetValueResponse response;
  for (int replica = 0; replica < kReplicas; ++replica) {
    EXPECT_EQ(Call(&v1::ValueService::Stub::GetValue, Values(replica), request, &response).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
}

TEST_F(ShardedValuesTest, BatchesKeepTheirOrderAndAreAllOrNone) {
  v1::BatchGetValueRequest request;
  for (int i = 20; i > 0; --i) request.add_names(Name(i));
  v1::BatchGetValueResponse response;
  grpc::Status status = Call(&v1::ValueService::Stub::BatchGetValue, Values(1), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.values_size(), 20);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(response.values(i).name(), Name(20 - i));
  request.add_names("accounts/nobody/value");
  response.Clear();
  status = Call(&v1::ValueService::Stub::BatchGetValue, Values(0), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("nobody"));
  EXPECT_EQ(response.values_size(), 0);
  request.add_names("wrong");
  EXPECT_EQ(Call(&v1::ValueService::Stub::BatchGetValue, Values(0), request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ShardedValuesTest, ListsAndTheirSumsAreWholeAndTheSameAtBoth) {
  std::map<std::string, Micros> amounts;
  Micros sum = 0;
  for (int i = 0; i < kAccounts; ++i) {
    const Micros amount = *ParseAmount(Value(0, absl::StrCat("a", i)).clv().amount());
    amounts[Name(i)] = amount;
    sum += amount;
  }
  for (int replica = 0; replica < kReplicas; ++replica) {
    v1::ListValuesResponse last;
    const auto by_clv = ListAll(replica, "clv desc", 7 + 20 * replica, &last);
    ASSERT_EQ(by_clv.size(), kAccounts + 1U);
    EXPECT_EQ(by_clv.back().name(), "accounts/unknown/value") << "unknown ones come last";
    for (std::size_t i = 1; i + 1 < by_clv.size(); ++i) {
      EXPECT_GE(amounts[by_clv[i - 1].name()], amounts[by_clv[i].name()]);
    }
    EXPECT_EQ(last.total_size(), kAccounts + 1);
    EXPECT_EQ(last.known_size(), kAccounts);
    EXPECT_NEAR(NumberOfMicros(*ParseAmount(last.total_clv().amount())), NumberOfMicros(sum), 1e-3);
    const auto by_name = ListAll(replica, "", 9, &last);
    EXPECT_TRUE(std::is_sorted(by_name.begin(), by_name.end(),
                               [](const auto& a, const auto& b) { return a.name() < b.name(); }));
    EXPECT_EQ(by_name.size(), kAccounts + 1U);
  }
  v1::ListValuesRequest bad;
  bad.set_order_by("worth");
  v1::ListValuesResponse response;
  const grpc::Status status = Call(&v1::ValueService::Stub::ListValues, Values(1), bad, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("must be name, clv or churn_probability_12m"));
}

TEST_F(ShardedValuesTest, SettingsAreTheSameAtBothOnceOneHasTakenThem) {
  v1::GetValueSettingsRequest get;
  v1::GetValueSettingsResponse got;
  v1::UpdateValueSettingsRequest update;
  update.mutable_settings()->set_discount_rate(0.25);
  update.set_author("kim");
  v1::UpdateValueSettingsResponse updated;
  const grpc::Status status = Call(&v1::ValueService::Stub::UpdateValueSettings, Values(1), update, &updated);
  ASSERT_TRUE(status.ok()) << status.error_message();
  for (int replica = 0; replica < kReplicas; ++replica) {
    ASSERT_TRUE(Call(&v1::ValueService::Stub::GetValueSettings, Values(replica), get, &got).ok());
    EXPECT_EQ(got.settings().discount_rate(), 0.25) << replica;
  }
}

TEST_F(ShardedValuesTest, AWatchSendsTheValuesOfAll) {
  std::map<std::string, std::int64_t> rows;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  const auto stub = Values(1);
  const auto reader = stub->WatchValues(&context, v1::WatchValuesRequest());
  v1::WatchValuesResponse message;
  bool caught_up = false;
  while (!caught_up && reader->Read(&message)) {
    for (const auto& update : message.updates()) {
      EXPECT_LT(rows[update.account_id()], update.revision());
      rows[update.account_id()] = update.revision();
    }
    EXPECT_FALSE(message.progress_token().empty());
    caught_up = message.caught_up();
  }
  context.TryCancel();
  (void)reader->Finish();
  EXPECT_EQ(rows.size(), kAccounts + 1U);
}

TEST_F(ShardedValuesTest, WhatNeedsAReplicaThatIsGoneSaysSo) {
  Stop(1);
  v1::ListValuesRequest list;
  v1::ListValuesResponse listed;
  grpc::Status status = Call(&v1::ValueService::Stub::ListValues, Values(0), list, &listed);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("replica 1 of 2"));
  EXPECT_EQ(listed.values_size(), 0) << "never a part of a list";
  v1::BatchGetValueRequest batch;
  for (int shard = 0; shard < kReplicas; ++shard) batch.add_names("accounts/" + AccountOf(shard) + "/value");
  v1::BatchGetValueResponse got;
  status = Call(&v1::ValueService::Stub::BatchGetValue, Values(0), batch, &got);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(got.values_size(), 0);
  // Its own are told as before.
  EXPECT_EQ(Value(0, AccountOf(0)).name(), "accounts/" + AccountOf(0) + "/value");
}

}  // namespace
}  // namespace perennial::health
