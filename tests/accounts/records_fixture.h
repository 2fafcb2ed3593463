#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "perennial/accounts/v1/record_service.grpc.pb.h"
#include "tests/accounts/care_fixture.h"

namespace perennial::accounts::testing {

// The whole service with the account "acme" and a stub of RecordService.
class RecordsTest : public CareTest {
 protected:
  void SetUp() override {
    CareTest::SetUp();
    records_ = v1::RecordService::NewStub(channel_);
  }

  static v1::CorrectRecordRequest CorrectionOf(const v1::Record& record) {
    v1::CorrectRecordRequest request;
    *request.mutable_record() = record;
    request.set_reason("typing error");
    request.set_author("ann@example.com");
    return request;
  }
  static v1::DeleteRecordRequest DeletionOf(v1::RecordKind kind, const std::string& id) {
    v1::DeleteRecordRequest request;
    request.set_account("accounts/acme");
    request.set_kind(kind);
    request.set_record_id(id);
    request.set_reason("sent by mistake");
    request.set_author("bob@example.com");
    return request;
  }
  grpc::Status Correct(const v1::CorrectRecordRequest& request, v1::CorrectRecordResponse* response) {
    return Send(*records_, &v1::RecordService::Stub::CorrectRecord, request, response);
  }
  // Corrects a record, which must be possible.
  v1::CorrectRecordResponse Correct(const v1::Record& record) {
    v1::CorrectRecordResponse response;
    const grpc::Status status = Correct(CorrectionOf(record), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status Delete(const v1::DeleteRecordRequest& request, v1::DeleteRecordResponse* response) {
    return Send(*records_, &v1::RecordService::Stub::DeleteRecord, request, response);
  }
  v1::DeleteRecordResponse Delete(v1::RecordKind kind, const std::string& id) {
    v1::DeleteRecordResponse response;
    const grpc::Status status = Delete(DeletionOf(kind, id), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status GetRecord(v1::RecordKind kind, const std::string& id, v1::Record* record) {
    v1::GetRecordRequest request;
    request.set_account("accounts/acme");
    request.set_kind(kind);
    request.set_record_id(id);
    v1::GetRecordResponse response;
    const grpc::Status status = Send(*records_, &v1::RecordService::Stub::GetRecord, request, &response);
    *record = std::move(*response.mutable_record());
    return status;
  }
  // Changes of an account, newest first, read in pages of two.
  std::vector<v1::RecordChange> Changes(const std::string& account = "acme") {
    v1::ListRecordChangesRequest request;
    request.set_parent("accounts/" + account);
    request.set_page_size(2);
    std::vector<v1::RecordChange> changes;
    do {
      v1::ListRecordChangesResponse response;
      const grpc::Status status = Send(*records_, &v1::RecordService::Stub::ListRecordChanges, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      changes.insert(changes.end(), response.changes().begin(), response.changes().end());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return changes;
  }
  // All messages of an export.
  grpc::Status Export(const std::string& parent, std::vector<v1::ExportRecordsResponse>* messages) {
    v1::ExportRecordsRequest request;
    request.set_parent(parent);
    Call call;
    const auto reader = records_->ExportRecords(&call.context, request);
    v1::ExportRecordsResponse message;
    while (reader->Read(&message)) messages->push_back(std::move(message));
    return reader->Finish();
  }

  std::unique_ptr<v1::RecordService::Stub> records_;
};

// The same record as it is kept: with what is left to the service written out.
inline v1::Record Kept(v1::Record record) {
  if (record.has_usage()) {
    record.mutable_usage()->set_value(record.usage().has_value() ? record.usage().value() : 1);
  }
  return record;
}

}  // namespace perennial::accounts::testing
