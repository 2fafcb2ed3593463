#pragma once

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "tests/gateway/fake_services.h"

namespace perennial::gateway::testing {

// A gateway between a client and fakes of the three services, each a server with a real socket.
class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    options_.accounts = accounts_process_.address();
    options_.health = health_process_.address();
    options_.segments = segments_process_.address();
    options_.monitor_interval = std::chrono::milliseconds(20);
    StartGateway();
  }

  // Anew, with `options_` as they are now.
  void StartGateway() {
    gateway_ = nullptr;
    auto gateway = Gateway::Start(options_);
    ASSERT_TRUE(gateway.ok()) << gateway.status();
    gateway_ = *std::move(gateway);
    channel_ = MakeChannel("127.0.0.1:" + std::to_string(gateway_->port()));
  }

  static void SetTimeout(grpc::ClientContext& context, std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
    context.set_deadline(std::chrono::system_clock::now() + timeout);
  }

  grpc::Status GetAccount(const std::string& name) {
    grpc::ClientContext context;
    SetTimeout(context);
    return GetAccount(context, name);
  }
  grpc::Status GetAccount(grpc::ClientContext& context, const std::string& name) {
    accounts::v1::GetAccountRequest request;
    request.set_name(name);
    return accounts::v1::AccountService::NewStub(channel_)->GetAccount(&context, request, &account_);
  }

  // A watch that sends `messages` and then, with `mode` of FakeFacts, ends or stays.
  std::unique_ptr<grpc::ClientReader<accounts::v1::WatchFactsResponse>> Watch(
      grpc::ClientContext& context, int messages, int mode, int padding = 0) {
    accounts::v1::WatchFactsRequest request;
    request.set_shard_count(messages);
    request.set_shard_index(mode);
    request.set_start_revision(padding);
    return accounts::v1::FactService::NewStub(channel_)->WatchFacts(&context, request);
  }

  // The first detail of type `Detail` in the status's details; a default one when there is none.
  template <class Detail>
  static Detail DetailOf(const grpc::Status& status) {
    google::rpc::Status rpc;
    Detail detail;
    if (!rpc.ParseFromString(status.error_details())) return detail;
    for (const auto& any : rpc.details()) {
      if (any.UnpackTo(&detail)) return detail;
    }
    return detail;
  }

  FakeAccounts accounts_;
  FakeSubscriptions subscriptions_;
  FakeFacts facts_;
  FakeIngest ingest_;
  FakeGoals goals_;
  FakeTasks tasks_;
  FakeTimeline timeline_;
  FakeScores scores_;
  FakeFlags flags_;
  FakeValues values_;
  FakeSegments segments_;
  FakeEngagements engagements_;
  FakeProcess accounts_process_{{&accounts_, &subscriptions_, &facts_, &ingest_, &goals_, &tasks_, &timeline_}};
  FakeProcess health_process_{{&scores_, &flags_, &values_}};
  FakeProcess segments_process_{{&segments_, &engagements_}};
  GatewayOptions options_;
  std::unique_ptr<Gateway> gateway_;
  std::shared_ptr<grpc::Channel> channel_;
  accounts::v1::GetAccountResponse account_;
};

}  // namespace perennial::gateway::testing
