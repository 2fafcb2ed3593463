#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "gateway/http2/client_call.h"

namespace perennial::gateway::http2 {

// What a request to a service begins with: the method, how long is left, and of the client's metadata what identifies and traces a
// request; never binary metadata, nor what a client claims of who it is.
class ServiceRequest {
 public:
  // `caller` is who calls; empty for nobody in particular.
  ServiceRequest(const ClientCall& call, const std::string& authority, std::string caller);
  ServiceRequest(const ServiceRequest&) = delete;
  ServiceRequest& operator=(const ServiceRequest&) = delete;

  // For the gateway's own services: with the client's credentials and address too.
  void AddCredentials();

  // With the time that is left until `deadline`.
  const Fields& At(std::optional<EventLoop::Clock::time_point> deadline);

 private:
  const ClientCall& call_;
  const std::string caller_;
  std::string timeout_;
  Fields common_;
  Fields fields_;
};

// The fields of an answer that go on to the client.
bool GoesOn(absl::string_view name, absl::string_view value);

}  // namespace perennial::gateway::http2
