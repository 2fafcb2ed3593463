#include "common/server/health_service.h"

#include <optional>
#include <utility>

namespace perennial {
namespace {

namespace v1 = grpc::health::v1;

// A call that is refused before it is watched.
class Refusal final : public grpc::ServerWriteReactor<v1::HealthCheckResponse> {
 public:
  explicit Refusal(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

// One Watch call. At most one operation is under way: `busy_` belongs to whoever starts it, so that Finish never meets
// a write, and operations are started outside the lock, as their reactions take it.
class HealthService::Watcher final : public grpc::ServerWriteReactor<v1::HealthCheckResponse> {
 public:
  Watcher(HealthService& health, std::string service) : health_(health), service_(std::move(service)) {}

  // Sends the present state if the caller does not have it yet, and ends the call when it is over.
  void Wake() {
    bool write = false;
    grpc::Status end = grpc::Status::CANCELLED;
    {
      MutexLock lock(mu_);
      if (busy_ || finished_) return;
      const State state = health_.StateOf(service_);
      if (!cancelled_ && sent_ != state.status) {
        sent_ = state.status;
        response_.set_status(state.status);
        busy_ = write = true;
      } else if (cancelled_ || state.shut_down) {
        if (!cancelled_) end = {grpc::StatusCode::UNAVAILABLE, "the server is shutting down"};
        finished_ = true;
      } else {
        return;
      }
    }
    if (write) {
      StartWrite(&response_);
    } else {
      Finish(end);
    }
  }

  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mu_);
      busy_ = false;
      if (!ok) cancelled_ = true;
    }
    Wake();
  }

  void OnCancel() override {
    {
      MutexLock lock(mu_);
      cancelled_ = true;
    }
    Wake();
  }

  void OnDone() override { health_.Remove(this); }

 private:
  HealthService& health_;
  const std::string service_;
  v1::HealthCheckResponse response_;
  Mutex mu_;  // taken before the service's
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<ServingStatus> sent_ ABSL_GUARDED_BY(mu_);
};

HealthService::HealthService(Options options) : options_(options) { SetServing("", true); }

HealthService::~HealthService() = default;

void HealthService::SetServing(absl::string_view service, bool serving) {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mu_);
    if (shut_down_) return;
    const auto [entry, added] = serving_.try_emplace(std::string(service), serving);
    if (!added && entry->second == serving) return;
    entry->second = serving;
    for (const auto& [raw, watcher] : watchers_) watchers.push_back(watcher);
  }
  for (const auto& watcher : watchers) watcher->Wake();
}

void HealthService::ShutDown() {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mu_);
    if (std::exchange(shut_down_, true)) return;
    for (const auto& [raw, watcher] : watchers_) watchers.push_back(watcher);
  }
  for (const auto& watcher : watchers) watcher->Wake();
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const v1::HealthCheckRequest* request,
                                               v1::HealthCheckResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const ServingStatus status = StateOf(request->service()).status;
  if (status == v1::HealthCheckResponse::SERVICE_UNKNOWN) {
    reactor->Finish({grpc::StatusCode::NOT_FOUND, "no such service"});
    return reactor;
  }
  response->set_status(status);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<v1::HealthCheckResponse>* HealthService::Watch(grpc::CallbackServerContext* /*context*/,
                                                                        const v1::HealthCheckRequest* request) {
  const auto watcher = std::make_shared<Watcher>(*this, request->service());
  {
    MutexLock lock(mu_);
    if (watchers_.size() >= options_.max_watchers) {
      return new Refusal({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many health watchers"});
    }
    watchers_.emplace(watcher.get(), watcher);
  }
  // The call cannot be done, and so the watcher not gone, before it is returned.
  watcher->Wake();
  return watcher.get();
}

grpc::ServerUnaryReactor* HealthService::List(grpc::CallbackServerContext* context,
                                              const v1::HealthListRequest* /*request*/,
                                              v1::HealthListResponse* response) {
  {
    MutexLock lock(mu_);
    for (const auto& [service, serving] : serving_) {
      (*response->mutable_statuses())[service].set_status(
          serving && !shut_down_ ? v1::HealthCheckResponse::SERVING : v1::HealthCheckResponse::NOT_SERVING);
    }
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

HealthService::State HealthService::StateOf(const std::string& service) {
  MutexLock lock(mu_);
  const auto entry = serving_.find(service);
  if (entry == serving_.end()) return {v1::HealthCheckResponse::SERVICE_UNKNOWN, shut_down_};
  const bool serving = entry->second && !shut_down_;
  return {serving ? v1::HealthCheckResponse::SERVING : v1::HealthCheckResponse::NOT_SERVING, shut_down_};
}

void HealthService::Remove(Watcher* watcher) {
  std::shared_ptr<Watcher> removed;  // destroyed after the lock is released
  MutexLock lock(mu_);
  const auto entry = watchers_.find(watcher);
  removed = std::move(entry->second);
  watchers_.erase(entry);
}

}  // namespace perennial
