#pragma once

#include <memory>
#include <string>
#include <vector>

#include "perennial/accounts/v1/goal_service.grpc.pb.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"
#include "perennial/accounts/v1/timeline_service.grpc.pb.h"
#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {

using Fields = std::vector<std::string>;

// The whole service with the account "acme", and stubs of what contacts, goals, tasks and the timeline are called by.
class CareTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    Connect();
    CreateAccount("acme");
  }
  void Restart() {
    StartServer();
    Connect();
  }
  void Connect() {
    goals_ = v1::GoalService::NewStub(channel_);
    tasks_ = v1::TaskService::NewStub(channel_);
    timeline_ = v1::TimelineService::NewStub(channel_);
  }

  static v1::CreateContactRequest ContactOf(const std::string& id) {
    v1::CreateContactRequest request;
    request.set_parent("accounts/acme");
    request.set_contact_id(id);
    request.mutable_contact()->set_display_name("The " + id);
    return request;
  }
  grpc::Status Add(const v1::CreateContactRequest& request, v1::Contact* contact = nullptr) {
    v1::CreateContactResponse response;
    const grpc::Status status = Send(*accounts_, &v1::AccountService::Stub::CreateContact, request, &response);
    if (contact != nullptr) *contact = response.contact();
    return status;
  }

  // A goal in words, from 0 to 10.
  static v1::CreateGoalRequest GoalOf(const std::string& id) {
    v1::CreateGoalRequest request;
    request.set_parent("accounts/acme");
    request.set_goal_id(id);
    v1::Goal& goal = *request.mutable_goal();
    goal.set_title("The " + id);
    goal.set_measure("reports a week");
    goal.set_start_value(0);
    goal.set_target_value(10);
    return request;
  }
  grpc::Status Add(const v1::CreateGoalRequest& request, v1::Goal* goal = nullptr) {
    v1::CreateGoalResponse response;
    const grpc::Status status = Send(*goals_, &v1::GoalService::Stub::CreateGoal, request, &response);
    if (goal != nullptr) *goal = response.goal();
    return status;
  }

  static v1::CreateTaskRequest TaskOf(const std::string& id, const std::string& account = "acme") {
    v1::CreateTaskRequest request;
    request.set_parent("accounts/" + account);
    request.set_task_id(id);
    request.mutable_task()->set_title("The " + id);
    request.mutable_task()->set_kind(v1::TASK_KIND_CALL);
    return request;
  }
  grpc::Status Add(const v1::CreateTaskRequest& request, v1::Task* task = nullptr) {
    v1::CreateTaskResponse response;
    const grpc::Status status = Send(*tasks_, &v1::TaskService::Stub::CreateTask, request, &response);
    if (task != nullptr) *task = response.task();
    return status;
  }
  grpc::Status Complete(const std::string& id, v1::Task* task = nullptr, const std::string& outcome = "",
                        const std::string& etag = "") {
    v1::CompleteTaskRequest request;
    request.set_name("accounts/acme/tasks/" + id);
    request.set_outcome(outcome);
    request.set_etag(etag);
    v1::CompleteTaskResponse response;
    const grpc::Status status = Send(*tasks_, &v1::TaskService::Stub::CompleteTask, request, &response);
    if (task != nullptr) *task = response.task();
    return status;
  }

  std::unique_ptr<v1::GoalService::Stub> goals_;
  std::unique_ptr<v1::TaskService::Stub> tasks_;
  std::unique_ptr<v1::TimelineService::Stub> timeline_;
};

}  // namespace perennial::accounts::testing
