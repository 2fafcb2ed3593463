#include "common/server/self_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace perennial {

SelfCheck::SelfCheck(Options options, std::function<void()> on_dead)
    : options_(std::move(options)),
      on_dead_(std::move(on_dead)),
      thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

void SelfCheck::Loop(const std::stop_token& stop) {
  int failures = 0;
  for (;;) {
    {
      std::unique_lock lock(mu_);
      wake_.wait_for(lock, stop, options_.interval, [] { return false; });
    }
    if (stop.stop_requested()) return;
    failures = Answers() ? 0 : failures + 1;
    if (failures > 0) {
      Log(LogLevel::kWarning, "does not answer a new connection", {{"times", absl::StrCat(failures)}});
    }
    if (failures >= options_.most_failures) return on_dead_();
  }
}

bool SelfCheck::Answers() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a new connection each time
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto channel = grpc::CreateCustomChannel(options_.address, options_.credentials, arguments);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + options_.timeout);
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("liveness");
  grpc::health::v1::HealthCheckResponse response;
  return grpc::health::v1::Health::NewStub(channel)->Check(&context, request, &response).ok();
}

}  // namespace perennial
