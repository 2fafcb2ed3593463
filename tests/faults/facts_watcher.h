#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "perennial/accounts/v1/fact_service.grpc.pb.h"

namespace perennial::testing {

// One watch of facts and what it has told, kept over its breaks: Begin() goes on from where it stands, as a client does.
class FactsWatcher {
 public:
  FactsWatcher() = default;
  ~FactsWatcher() { Leave(); }
  FactsWatcher(const FactsWatcher&) = delete;
  FactsWatcher& operator=(const FactsWatcher&) = delete;

  // Starts a stream; the last one must have ended. With `reads` false it never reads an answer.
  void Begin(accounts::v1::FactService::Stub& stub, bool reads = true) {
    {
      MutexLock lock(mu_);
      caught_up_ = false;
    }
    stream_ = std::make_unique<Stream>(*this, progress());
    stub.async()->WatchFacts(&stream_->context, &stream_->request, stream_.get());
    over_ = stream_->ended.get_future();
    if (reads) {
      stream_->StartRead(&stream_->response);
    } else {
      stream_->AddHold();  // else the call could end while nothing is under way
    }
    stream_->StartCall();
  }
  // Lets one that reads nothing read from here on.
  void ReadOn() {
    stream_->StartRead(&stream_->response);
    stream_->RemoveHold();
  }
  // How the stream ended; false when it has not within a minute.
  bool Ended(grpc::Status* status) {
    if (over_.wait_for(std::chrono::seconds(60)) != std::future_status::ready) return false;
    *status = over_.get();
    stream_ = nullptr;
    return true;
  }
  // Whether the stream has ended by itself.
  [[nodiscard]] bool over() const { return over_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  // Ends the stream, if there is one.
  void Leave() {
    if (stream_ == nullptr) return;
    stream_->context.TryCancel();
    over_.wait();
    stream_ = nullptr;
  }

  [[nodiscard]] std::int64_t progress() const {
    MutexLock lock(mu_);
    return progress_;
  }
  [[nodiscard]] bool caught_up() const {
    MutexLock lock(mu_);
    return caught_up_;
  }
  // How many accounts it knows of.
  [[nodiscard]] std::size_t accounts() const {
    MutexLock lock(mu_);
    return revisions_.size();
  }
  // What is wrong with the feed: a row that was told before. Empty when nothing is.
  [[nodiscard]] std::string problem() const {
    MutexLock lock(mu_);
    return problem_;
  }

 private:
  struct Stream final : grpc::ClientReadReactor<accounts::v1::WatchFactsResponse> {
    Stream(FactsWatcher& watcher, std::int64_t from) : watcher(watcher) { request.set_start_revision(from); }
    void OnReadDone(bool ok) override {
      if (!ok) return;
      watcher.Take(response);
      StartRead(&response);
    }
    void OnDone(const grpc::Status& status) override { ended.set_value(status); }

    FactsWatcher& watcher;
    grpc::ClientContext context;
    accounts::v1::WatchFactsRequest request;
    accounts::v1::WatchFactsResponse response;
    std::promise<grpc::Status> ended;
  };

  void Take(const accounts::v1::WatchFactsResponse& response) {
    MutexLock lock(mu_);
    for (const auto& row : response.rows()) {
      std::int64_t& last = revisions_[row.account_id()];
      if (row.revision() <= progress_) problem_ = "a row that was told before: " + row.account_id();
      last = row.revision();
    }
    progress_ = response.progress_revision();
    caught_up_ = response.caught_up();
  }

  mutable Mutex mu_;
  std::int64_t progress_ = 0;
  bool caught_up_ = false;
  std::map<std::string, std::int64_t> revisions_;
  std::string problem_;
  std::unique_ptr<Stream> stream_;
  std::future<grpc::Status> over_;
};

}  // namespace perennial::testing
