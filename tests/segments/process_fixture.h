#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "segment-svc/process.h"
#include "tests/segments/engine_fixture.h"
#include "tests/segments/fake_upstream.h"
#include "tests/testing/status_matchers.h"

namespace perennial::segments::testing {

constexpr std::chrono::seconds kPatience{60};

// segment-svc in this process, behind fakes of the services that it follows: "acme" pays 50, "beta" 500.
class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    upstream_.Put("acme", {{"mrr", 50.0}});
    upstream_.Put("beta", {{"mrr", 500.0}});
    upstream_.SetScored();
    Start();
    ASSERT_TRUE(Eventually([&] { return process_->engine().ready(); }));
  }

  Process::Options Options() {
    Process::Options options;
    options.data = folder_.path() + "/deep/data";
    options.accounts = upstream_.Channel();
    options.health = {upstream_.Channel()};
    return options;
  }
  void Start() {
    auto process = Process::Start(Options(), clock_);
    ASSERT_THAT(process, perennial::testing::IsOk());
    process_ = *std::move(process);
    segments_ = v1::SegmentService::NewStub(process_->server().InProcessChannel());
    portfolio_ = v1::PortfolioService::NewStub(process_->server().InProcessChannel());
  }
  void Restart() {
    process_.reset();
    Start();
    ASSERT_TRUE(Eventually([&] { return process_->engine().ready(); }));
  }

  static bool Eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  static void SetDeadline(grpc::ClientContext& context, std::chrono::milliseconds time = kPatience) {
    context.set_deadline(std::chrono::system_clock::now() + time);
  }

  grpc::Status Create(const std::string& id, const std::string& filter) {
    v1::CreateSegmentRequest request;
    request.set_segment_id(id);
    request.mutable_segment()->set_display_name(id);
    request.mutable_segment()->set_filter(filter);
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CreateSegmentResponse response;
    return segments_->CreateSegment(&context, request, &response);
  }
  grpc::Status ListMembers(const v1::ListMembersRequest& request, v1::ListMembersResponse* response,
                           std::chrono::milliseconds time = kPatience) {
    grpc::ClientContext context;
    SetDeadline(context, time);
    return segments_->ListMembers(&context, request, response);
  }
  // Members of a segment once facts up to `revision` are in.
  std::set<std::string> MembersAt(const std::string& id, std::int64_t revision) {
    v1::ListMembersRequest request;
    request.set_parent("segments/" + id);
    request.set_min_facts_revision(revision);
    v1::ListMembersResponse response;
    const grpc::Status status = ListMembers(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::set<std::string> accounts;
    for (const auto& member : response.members()) accounts.insert(member.account());
    return accounts;
  }
  grpc::Status ListAccountSegments(const v1::ListAccountSegmentsRequest& request,
                                   v1::ListAccountSegmentsResponse* response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return segments_->ListAccountSegments(&context, request, response);
  }

  // A watch that collects until it has caught up with the facts that there are now.
  struct Watched {
    std::vector<v1::MembershipEvent> events;
    std::int64_t progress = 0;
    grpc::Status status;
  };
  Watched Watch(std::int64_t start_revision, const std::string& segment = "") {
    Watched watched;
    v1::WatchMembershipRequest request;
    request.set_start_revision(start_revision);
    request.set_segment(segment);
    grpc::ClientContext context;
    SetDeadline(context);
    const auto reader = segments_->WatchMembership(&context, request);
    v1::WatchMembershipResponse message;
    bool complete = false;
    while (!complete && reader->Read(&message)) {
      watched.events.insert(watched.events.end(), message.events().begin(), message.events().end());
      EXPECT_GE(message.progress_revision(), watched.progress);
      watched.progress = message.progress_revision();
      complete = message.caught_up() && message.facts_revision() >= upstream_.revision();
    }
    if (complete) context.TryCancel();
    watched.status = reader->Finish();
    EXPECT_TRUE(complete || !watched.status.ok());
    return watched;
  }

  TempFolder folder_;
  ManualClock clock_;
  FakeUpstream upstream_;
  std::unique_ptr<Process> process_;
  std::unique_ptr<v1::SegmentService::Stub> segments_;
  std::unique_ptr<v1::PortfolioService::Stub> portfolio_;
};

}  // namespace perennial::segments::testing
