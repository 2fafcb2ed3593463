#include "health-svc/value_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/health/value_fixture.h"
#include "tests/testing/redis_fixture.h"

namespace perennial::health {
namespace {

class ValueCacheTest : public ValueFixture {
 protected:
  ValueCacheTest() { redis_ = server_.address(); }
  void SetUp() override {
    accounts_.Put("acme", Paying(100, 400));
    ValueFixture::SetUp();
  }
  std::optional<v1::CustomerValue> Cached(const std::string& account) {
    const std::string bytes = server_.Run({"GET", ValueCacheKey(account)}).text;
    const auto entry = DecodeEntry(account, GenerationOf(bytes), bytes);
    v1::CustomerValue value;
    if (!entry.has_value() || entry->body.empty()) return std::nullopt;
    EXPECT_TRUE(value.ParseFromArray(entry->body.data(), static_cast<int>(entry->body.size())));
    return value;
  }
  perennial::testing::RedisServer server_;
};

TEST_F(ValueCacheTest, HasEachValueSoonAndItsChanges) {
  EXPECT_TRUE(Eventually([&] { return Cached("acme").has_value(); }));
  EXPECT_EQ(Cached("acme")->monthly_margin().amount(), "80");
  accounts_.Put("acme", Paying(50, 400));
  EXPECT_TRUE(Eventually([&] { return Cached("acme")->monthly_margin().amount() == "40"; }));
  accounts_.Delete("acme");
  EXPECT_TRUE(Eventually([&] { return !Cached("acme").has_value(); }));
}

TEST_F(ValueCacheTest, AnswersForAProcessThatHasNotReadItsFactsYet) {
  ASSERT_TRUE(Eventually([&] { return Cached("acme").has_value(); }));
  accounts_.Interrupt();
  values_.reset();
  Stop();
  ASSERT_TRUE(Start());
  values_ = v1::ValueService::NewStub(channel_);
  v1::GetValueRequest request;
  request.set_name("accounts/acme/value");
  v1::GetValueResponse response;
  ASSERT_TRUE(Call(&v1::ValueService::Stub::GetValue, *values_, request, &response).ok());
  EXPECT_EQ(response.value().monthly_margin().amount(), "80");
  request.set_name("accounts/nobody/value");
  EXPECT_EQ(Call(&v1::ValueService::Stub::GetValue, *values_, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  // A damaged entry counts as none.
  server_.Run({"SET", ValueCacheKey("acme"), "nonsense"});
  request.set_name("accounts/acme/value");
  EXPECT_EQ(Call(&v1::ValueService::Stub::GetValue, *values_, request, &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  accounts_.Resume();
  ASSERT_TRUE(WaitReady());
  EXPECT_EQ(Value("acme").monthly_margin().amount(), "80");
}

}  // namespace
}  // namespace perennial::health
