#include "import_fake_ingest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

using accounts::v1::Record;

bool IsState(const Record& record) {
  return record.has_account_state() || record.has_subscription_state() || record.has_ticket();
}

std::string KeyOf(const Record& record) {
  std::string id = record.record_id();
  if (record.has_account_state()) id = record.account_state().name();
  if (record.has_subscription_state()) id = record.subscription_state().name();
  return absl::StrCat(record.account(), " ", static_cast<int>(record.kind_case()), " ", id);
}

void Refuse(int index, const Record& record, int code, const std::string& why, accounts::v1::BatchSummary* summary) {
  auto* error = summary->add_errors();
  error->set_index(index);
  error->set_record_id(record.record_id());
  error->mutable_status()->set_code(code);
  error->mutable_status()->set_message(why);
}

}  // namespace

FakeIngest::FakeIngest() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
}

FakeIngest::~FakeIngest() { server_->Shutdown(std::chrono::system_clock::now()); }

std::string FakeIngest::address() const { return absl::StrCat("127.0.0.1:", port_); }

std::shared_ptr<grpc::Channel> FakeIngest::channel() const {
  return grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
}

void FakeIngest::BreakAfter(int batches, grpc::Status status) {
  break_status_ = std::move(status);
  break_after_ = batches;
}

std::vector<Record> FakeIngest::Records() const {
  const MutexLock lock(mutex_);
  std::vector<Record> records;
  for (const std::string& key : order_) records.push_back(records_.at(key));
  return records;
}

void FakeIngest::Store(const Record& record, int index, accounts::v1::BatchSummary* summary) {
  const std::string account_key =
      absl::StrCat(record.account(), " ", static_cast<int>(Record::kAccountState), " ", record.account());
  if (!record.has_account_state() && records_.count(account_key) == 0) {
    return Refuse(index, record, 5, absl::StrCat(record.account(), " does not exist"), summary);
  }
  if (judge) {
    if (const google::rpc::Status status = judge(record); status.code() != 0) {
      Refuse(index, record, status.code(), "", summary);
      *summary->mutable_errors(summary->errors_size() - 1)->mutable_status() = status;
      return;
    }
  }
  const std::string key = KeyOf(record);
  const auto found = records_.find(key);
  if (found == records_.end()) {
    records_[key] = record;
    order_.push_back(key);
    summary->set_stored(summary->stored() + 1);
  } else if (found->second.SerializeAsString() == record.SerializeAsString()) {
    summary->set_duplicates(summary->duplicates() + 1);
  } else if (!IsState(record)) {
    Refuse(index, record, 6, "the id stands for another content", summary);
  } else if (ToTime(record.event_time()) > ToTime(found->second.event_time())) {
    found->second = record;
    summary->set_replaced(summary->replaced() + 1);
  } else {
    summary->set_duplicates(summary->duplicates() + 1);
  }
}

accounts::v1::BatchSummary FakeIngest::StoreAll(const accounts::v1::StreamRecordsRequest& request) {
  if (on_batch) on_batch();
  const MutexLock lock(mutex_);
  accounts::v1::BatchSummary summary;
  for (int i = 0; i < request.records_size(); ++i) Store(request.records(i), i, &summary);
  summary.set_revision(static_cast<std::int64_t>(records_.size()));
  ++batches_;
  return summary;
}

grpc::Status FakeIngest::StreamRecords(
    grpc::ServerContext* /*context*/,
    grpc::ServerReaderWriter<accounts::v1::StreamRecordsResponse, accounts::v1::StreamRecordsRequest>* stream) {
  ++streams_;
  if (break_after_ == 0) return break_status_;
  accounts::v1::StreamRecordsRequest request;
  while (stream->Read(&request)) {
    accounts::v1::StreamRecordsResponse response;
    response.set_batch_id(request.batch_id());
    *response.mutable_summary() = StoreAll(request);
    if (break_after_ > 0 && --break_after_ == 0) {
      break_after_ = -1;
      return break_status_;
    }
    if (!stream->Write(response)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

}  // namespace perennial::cli
