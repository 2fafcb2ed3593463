#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {

// In every text that the account to be purged has.
inline constexpr char kMarker[] = "QQMARKERQQ";

class PurgeTest : public CareTest {
 protected:
  grpc::Status Purge(const std::string& id, v1::PurgeAccountResponse* response, const std::string& request_id = "",
                     const std::string& etag = "") {
    v1::PurgeAccountRequest request;
    request.set_name("accounts/" + id);
    request.set_request_id(request_id);
    request.set_etag(etag);
    return Send(*accounts_, &v1::AccountService::Stub::PurgeAccount, request, response);
  }
  grpc::Status Purge(const std::string& id) {
    v1::PurgeAccountResponse response;
    return Purge(id, &response);
  }
  // Something of everything, all of it with the marker.
  void FillAcme() {
    v1::UpdateAccountRequest update;
    update.mutable_account()->set_name("accounts/acme");
    update.mutable_account()->set_owner(kMarker);
    update.mutable_account()->add_tags(kMarker);
    (*update.mutable_account()->mutable_attributes())["note"].set_text(kMarker);
    ASSERT_TRUE(Update(update).ok());
    v1::CreateContactRequest contact = ContactOf("bob");
    contact.mutable_contact()->set_display_name(kMarker);
    ASSERT_TRUE(Add(contact).ok());
    v1::CreateGoalRequest goal = GoalOf("more");
    goal.mutable_goal()->set_title(kMarker);
    ASSERT_TRUE(Add(goal).ok());
    v1::CreateTaskRequest task = TaskOf("call");
    task.mutable_task()->set_title(kMarker);
    ASSERT_TRUE(Add(task).ok());
    v1::CreateSubscriptionRequest subscription = SubscriptionOf("acme", "s", "100");
    subscription.mutable_subscription()->set_plan(kMarker);
    ASSERT_TRUE(Create(subscription).ok());
    std::vector<v1::Record> records;
    for (int i = 0; i < 300; ++i) {
      records.push_back(Usage("acme", absl::StrCat(kMarker, "-", i), "logins"));
      records.back().mutable_usage()->set_user(absl::StrCat(kMarker, i));
    }
    for (int i = 0; i < 50; ++i) {
      v1::Record touch = RecordOf("acme", absl::StrCat(kMarker, "-touch-", i));
      touch.mutable_touchpoint()->set_channel(v1::TOUCHPOINT_CHANNEL_CALL);
      touch.mutable_touchpoint()->set_direction(v1::TOUCHPOINT_DIRECTION_INBOUND);
      touch.mutable_touchpoint()->set_summary(absl::StrCat(std::string(300, 'x'), kMarker));
      records.push_back(touch);
    }
    Write(records);
    v1::CorrectRecordRequest correct;
    *correct.mutable_record() = records.back();
    correct.mutable_record()->mutable_touchpoint()->set_summary(absl::StrCat("corrected ", kMarker));
    correct.set_reason(kMarker);
    correct.set_author(kMarker);
    v1::CorrectRecordResponse corrected;
    const auto stub = v1::RecordService::NewStub(channel_);
    const grpc::Status status = Send(*stub, &v1::RecordService::Stub::CorrectRecord, correct, &corrected);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
};

}  // namespace perennial::accounts::testing
