#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "tests/accounts/server_fixture.h"

namespace perennial::accounts::testing {

// A reader of WatchFacts that keeps what the feed says and checks that it keeps the feed's promises.
class FeedFollower {
 public:
  FeedFollower(v1::FactService::Stub& stub, const v1::WatchFactsRequest& request)
      : revision_(request.start_revision()) {
    reader_ = stub.WatchFacts(&call_.context, request);
  }
  explicit FeedFollower(v1::FactService::Stub& stub) : FeedFollower(stub, v1::WatchFactsRequest()) {}
  ~FeedFollower() {
    if (reader_ == nullptr) return;
    call_.context.TryCancel();
    v1::WatchFactsResponse rest;
    while (reader_->Read(&rest)) {
    }
    (void)reader_->Finish();
  }

  // Reads one message; false at the end of the stream.
  bool ReadOne() {
    v1::WatchFactsResponse message;
    if (!reader_->Read(&message)) return false;
    for (const auto& definition : message.definitions()) {
      EXPECT_TRUE(definitions_.emplace(definition.id(), definition).second) << "announced twice: " << definition.name();
    }
    for (const auto& row : message.rows()) Apply(row);
    EXPECT_GE(message.progress_revision(), revision_);
    revision_ = message.progress_revision();
    caught_up_ = message.caught_up();
    ++messages_;
    return true;
  }
  // Reads until everything up to `revision` has come and the server says that nothing newer was there.
  void ReadUntil(std::int64_t revision) {
    while (revision_ < revision || !caught_up_) {
      if (!ReadOne()) {
        ADD_FAILURE() << "the feed ended: " << Finish().error_message();
        return;
      }
    }
  }
  grpc::Status Finish() {
    const grpc::Status status = reader_->Finish();
    reader_ = nullptr;
    return status;
  }

  // Facts of each live account, as texts like ServerTest::FactsOf.
  std::map<std::string, Facts> rows_;
  std::map<std::string, int> tombstones_;
  std::map<std::uint32_t, v1::FactDefinition> definitions_;
  std::int64_t revision_ = 0;
  bool caught_up_ = false;
  int messages_ = 0;
  int row_count_ = 0;

 private:
  const v1::FactDefinition& Definition(std::uint32_t id) {
    EXPECT_TRUE(definitions_.contains(id)) << "fact " << id << " was used before it was announced";
    return definitions_[id];
  }
  void Apply(const v1::PackedFacts& row) {
    EXPECT_GT(row.revision(), revision_);
    revision_ = row.revision();
    ++row_count_;
    if (row.deleted()) {
      rows_.erase(row.account_id());
      ++tombstones_[row.account_id()];
      EXPECT_EQ(row.number_ids_size() + row.text_ids_size(), 0);
      return;
    }
    std::map<std::string, v1::Fact> facts;
    for (int i = 0; i < row.number_ids_size(); ++i) {
      const v1::FactDefinition& definition = Definition(row.number_ids(i));
      v1::Fact& fact = facts[definition.name()];
      const double value = row.number_values(i);
      if (definition.type() == v1::FACT_TYPE_BOOL) {
        fact.set_flag(value != 0);
      } else if (definition.type() == v1::FACT_TYPE_TIME) {
        SetTimestamp(absl::UnixEpoch() + absl::Seconds(value), fact.mutable_time());
      } else {
        fact.set_number(value);
      }
    }
    for (int i = 0; i < row.text_ids_size(); ++i) {
      const v1::FactDefinition& definition = Definition(row.text_ids(i));
      v1::Fact& fact = facts[definition.name()];
      if (definition.type() == v1::FACT_TYPE_STRING_SET) {
        fact.mutable_set()->add_values(row.text_values(i));
      } else {
        fact.set_text(row.text_values(i));
      }
    }
    for (const std::uint32_t id : row.empty_set_ids()) (void)facts[Definition(id).name()].mutable_set();
    Facts& texts = rows_[row.account_id()];
    texts.clear();
    for (const auto& [name, fact] : facts) texts[name] = fact.ShortDebugString();
  }

  Call call_;
  std::unique_ptr<grpc::ClientReader<v1::WatchFactsResponse>> reader_;
};

}  // namespace perennial::accounts::testing
