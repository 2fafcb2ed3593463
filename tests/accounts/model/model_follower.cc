#include "tests/accounts/model/model_follower.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace perennial::accounts::testing {

namespace v1 = perennial::accounts::v1;

void ModelFollower::Connect(v1::FactService::Stub& stub) {
  context_ = std::make_unique<grpc::ClientContext>();
  thread_ = std::thread([this, &stub] { Follow(stub); });
}

void ModelFollower::Disconnect() {
  if (!thread_.joinable()) return;
  context_->TryCancel();
  thread_.join();
}

void ModelFollower::Follow(v1::FactService::Stub& stub) {
  v1::WatchFactsRequest request;
  request.set_start_revision(revision());
  const auto stream = stub.WatchFacts(context_.get(), request);
  RowReader reader;
  v1::WatchFactsResponse message;
  while (stream->Read(&message)) Apply(message, reader);
  const grpc::Status status = stream->Finish();
  MutexLock lock(mu_);
  if (status.error_code() != grpc::StatusCode::CANCELLED && status.error_code() != grpc::StatusCode::UNAVAILABLE) {
    broken_ = absl::StrCat("the feed ended: ", status.error_message());
  }
}

void ModelFollower::Apply(const v1::WatchFactsResponse& message, RowReader& reader) {
  MutexLock lock(mu_);
  for (const auto& definition : message.definitions()) {
    if (!reader.Announce(definition)) broken_ = absl::StrCat(definition.name(), " was announced twice");
  }
  for (const auto& row : message.rows()) {
    if (row.revision() <= revision_) broken_ = absl::StrCat("revision ", row.revision(), " after ", revision_);
    revision_ = row.revision();
    if (row.deleted()) {
      rows_.erase(row.account_id());
    } else {
      rows_[row.account_id()] = reader.Read(row);
    }
  }
  if (message.progress_revision() < revision_) {
    broken_ = absl::StrCat("progress ", message.progress_revision(), " after ", revision_);
  }
  revision_ = message.progress_revision();
  changed_.notify_all();
}

std::string ModelFollower::DifferenceTo(const std::map<std::string, FactMap>& expected) const {
  if (!broken_.empty()) return broken_;
  std::string text;
  for (const auto& [id, facts] : expected) {
    const auto row = rows_.find(id);
    const std::string difference = row == rows_.end() ? "  is not in the feed\n" : Difference(facts, row->second);
    if (!difference.empty()) absl::StrAppend(&text, " feed, account ", id, "\n", difference);
  }
  for (const auto& [id, facts] : rows_) {
    if (!expected.contains(id)) absl::StrAppend(&text, " feed, account ", id, "\n  is there, should not be\n");
  }
  return text;
}

std::string ModelFollower::WaitFor(const std::map<std::string, FactMap>& expected, absl::Duration longest) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(longest);
  MutexLock lock(mu_);
  for (;;) {
    std::string difference = DifferenceTo(expected);
    if (difference.empty() || !broken_.empty()) return difference;
    if (!lock.WaitUntil(changed_, deadline)) return DifferenceTo(expected);
  }
}

std::int64_t ModelFollower::revision() {
  MutexLock lock(mu_);
  return revision_;
}

}  // namespace perennial::accounts::testing
