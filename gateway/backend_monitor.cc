#include "gateway/backend_monitor.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"

namespace perennial::gateway {
namespace {

constexpr std::chrono::seconds kTimeout{1};

}  // namespace

BackendMonitor::BackendMonitor(std::vector<Watched> watched, HealthService& health, std::chrono::milliseconds interval)
    : health_(health), interval_(interval) {
  for (Watched& one : watched) {
    for (const std::string& name : one.names) health_.SetServing(name, false);
    probes_.push_back(std::make_unique<Probe>());
    probes_.back()->watched = std::move(one);
    probes_.back()->request.set_service("readiness");
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

BackendMonitor::~BackendMonitor() {
  thread_.request_stop();
  thread_.join();
  std::vector<std::shared_ptr<grpc::ClientContext>> running;
  {
    const std::lock_guard lock(mu_);
    for (const auto& probe : probes_) {
      if (probe->context != nullptr) running.push_back(probe->context);
    }
  }
  for (const auto& context : running) context->TryCancel();
  std::unique_lock lock(mu_);
  changed_.wait(lock, [this] {
    return std::all_of(probes_.begin(), probes_.end(), [](const auto& probe) { return probe->context == nullptr; });
  });
}

void BackendMonitor::Loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (const auto& probe : probes_) Ask(*probe);
    std::unique_lock lock(mu_);
    changed_.wait_for(lock, stop, interval_, [] { return false; });
  }
}

void BackendMonitor::Ask(Probe& probe) {
  const auto context = std::make_shared<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kTimeout);
  {
    const std::lock_guard lock(mu_);
    if (probe.context != nullptr) return;
    probe.context = context;
  }
  grpc::health::v1::Health::Stub(probe.watched.backend->channel())
      .async()
      ->Check(context.get(), &probe.request, &probe.response,
              [this, &probe](const grpc::Status& status) { OnAnswer(probe, status); });
}

void BackendMonitor::OnAnswer(Probe& probe, const grpc::Status& status) {
  const bool serving = status.ok() && probe.response.status() == grpc::health::v1::HealthCheckResponse::SERVING;
  if (probe.serving != serving) {
    probe.serving = serving;
    for (const std::string& name : probe.watched.names) health_.SetServing(name, serving);
    Log(serving ? LogLevel::kInfo : LogLevel::kWarning, serving ? "service is ready" : "service is not ready",
        {{"backend", probe.watched.backend->name()},
         {"reason", status.ok() ? std::string("it says so") : status.error_message()}});
  }
  const std::lock_guard lock(mu_);
  probe.context = nullptr;
  // Under the lock, as the destructor may run as soon as it is given up.
  changed_.notify_all();
}

}  // namespace perennial::gateway
