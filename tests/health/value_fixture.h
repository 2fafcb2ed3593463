#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/base/money.h"
#include "perennial/health/v1/value_service.grpc.pb.h"
#include "tests/health/health_fixture.h"

namespace perennial::health {

// health-svc with what a test needs of ValueService.
class ValueFixture : public HealthFixture {
 protected:
  void SetUp() override {
    StartReady();
    values_ = v1::ValueService::NewStub(channel_);
  }
  void TearDown() override {
    values_.reset();
    Stop();
  }
  void RestartValues() {
    values_.reset();
    Restart();
    values_ = v1::ValueService::NewStub(channel_);
  }
  static FactMap Paying(double mrr, double tenure_days) {
    return {{"mrr", mrr}, {"tenure_days", tenure_days}, {"phase", std::string("SUCCESS")}};
  }
  static double AmountOf(const perennial::type::v1::Money& money) {
    const auto micros = ParseAmount(money.amount());
    EXPECT_TRUE(micros.ok()) << money.amount();
    return NumberOfMicros(micros.value_or(0));
  }
  grpc::Status Fit(const v1::FitRetentionModelRequest& request, v1::FitRetentionModelResponse* out) {
    return Call(&v1::ValueService::Stub::FitRetentionModel, *values_, request, out, 60000);
  }
  grpc::Status Fit(const v1::FitChurnModelRequest& request, v1::FitChurnModelResponse* out) {
    return Call(&v1::ValueService::Stub::FitChurnModel, *values_, request, out, 60000);
  }
  grpc::Status Fit(const v1::FitPurchaseModelRequest& request, v1::FitPurchaseModelResponse* out) {
    return Call(&v1::ValueService::Stub::FitPurchaseModel, *values_, request, out, 60000);
  }
  v1::ValueModel Model(const std::string& id, std::int64_t revision) {
    v1::GetValueModelRequest request;
    request.set_name("valueModels/" + id);
    request.set_revision(revision);
    v1::GetValueModelResponse response;
    const grpc::Status status = Call(&v1::ValueService::Stub::GetValueModel, *values_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.value_model();
  }
  // The value once everything put so far is in.
  v1::CustomerValue Value(const std::string& account) {
    v1::GetValueRequest request;
    request.set_name("accounts/" + account + "/value");
    request.set_min_facts_revision(accounts_.revision());
    v1::GetValueResponse response;
    const grpc::Status status = Call(&v1::ValueService::Stub::GetValue, *values_, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.value();
  }

  std::unique_ptr<v1::ValueService::Stub> values_;
};

}  // namespace perennial::health
