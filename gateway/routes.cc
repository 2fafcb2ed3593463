#include "gateway/routes.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace perennial::gateway {
namespace {

// Written by CMake: a descriptor pool does not say which files it has.
constexpr const char* kProtoFiles[] = {
#include "gateway/proto_files.inc"
};

// Methods that read the history of all accounts before they answer.
constexpr absl::string_view kAnalyses[] = {
    "/perennial.health.v1.ScorecardService/BacktestScorecard", "/perennial.health.v1.ScorecardService/CalibrateScorecard",
    "/perennial.health.v1.ValueService/FitRetentionModel",
    "/perennial.health.v1.ValueService/FitPurchaseModel", "/perennial.health.v1.ValueService/FitChurnModel"};

Route RouteTo(Backend* backend, const google::protobuf::MethodDescriptor& method, const std::string& path) {
  const auto* request_id = method.input_type()->FindFieldByName("request_id");
  return {.backend = backend,
          .server_streaming = method.server_streaming(),
          .analysis = absl::c_linear_search(kAnalyses, path),
          .client_streaming = method.client_streaming(),
          .request_id_field = request_id == nullptr ? 0 : request_id->number(),
          .policy = PolicyOf(method.service()->full_name(), method.name())};
}

}  // namespace

absl::StatusOr<Routes> Routes::Make(const absl::flat_hash_map<std::string, Backend*>& backends,
                                    absl::string_view own_package) {
  Routes routes;
  for (const char* name : kProtoFiles) {
    const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(name);
    if (file == nullptr) return absl::InternalError(absl::StrCat(name, " is not linked into this binary"));
    const auto backend = backends.find(file->package());
    for (int i = 0; i < file->service_count(); ++i) {
      const auto* service = file->service(i);
      routes.services_.push_back(service->full_name());
      if (own_package == file->package()) continue;
      if (backend == backends.end()) {
        return absl::InternalError(absl::StrCat("no backend for package ", file->package()));
      }
      routes.by_service_[service->full_name()] = backend->second;
      for (int j = 0; j < service->method_count(); ++j) {
        const auto* method = service->method(j);
        const std::string path = absl::StrCat("/", service->full_name(), "/", method->name());
        const Route route = RouteTo(backend->second, *method, path);
        if (!route.policy.internal) routes.by_path_[path] = route;
      }
    }
  }
  std::sort(routes.services_.begin(), routes.services_.end());
  return routes;
}

const Route* Routes::Find(absl::string_view path) const {
  const auto route = by_path_.find(path);
  return route == by_path_.end() ? nullptr : &route->second;
}

std::vector<std::string> Routes::ServicesOf(const Backend& backend) const {
  std::vector<std::string> services;
  for (const auto& [service, server] : by_service_) {
    if (server == &backend) services.push_back(service);
  }
  return services;
}

}  // namespace perennial::gateway
