#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gateway/backend.h"
#include "gateway/identity/role.h"

namespace perennial::gateway {

// Where a method is served.
struct Route {
  Backend* backend = nullptr;
  // It may answer for as long as the caller likes.
  bool server_streaming = false;
  // It may take as long as kLongestAnalysis, not only kLongestCall.
  bool analysis = false;
  // Its requests may be several.
  bool client_streaming = false;
  // Number of the field `request_id` of its request, by which it can be sent again; 0 without one.
  int request_id_field = 0;
  MethodPolicy policy = {};
};

// Which service serves which method, read from the descriptors of all protos: a new method needs no code here. Constant
// once made.
class Routes {
 public:
  // `backends` by proto package; they must outlive this. INTERNAL when a proto with services is not linked into the
  // binary or its package has no backend; `own_package` is the one that the gateway serves itself.
  static absl::StatusOr<Routes> Make(const absl::flat_hash_map<std::string, Backend*>& backends,
                                     absl::string_view own_package);

  // `path` as gRPC has it, "/package.Service/Method". Null when unknown, or only for the services themselves.
  [[nodiscard]] const Route* Find(absl::string_view path) const;

  // Full names of all services, those of the gateway's own package included.
  [[nodiscard]] const std::vector<std::string>& services() const { return services_; }
  // Full names of the services of one backend.
  [[nodiscard]] std::vector<std::string> ServicesOf(const Backend& backend) const;

 private:
  absl::flat_hash_map<std::string, Route> by_path_;
  absl::flat_hash_map<std::string, const Backend*> by_service_;
  std::vector<std::string> services_;
};

}  // namespace perennial::gateway
