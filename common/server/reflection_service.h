#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

namespace perennial {

// Server reflection, grpc.reflection.v1 and v1alpha, from the descriptors linked into this binary.
//
// gRPC 1.51 ships v1alpha only, in a library whose symbols clash with the vendored protos: never link it.
class ReflectionService {
 public:
  // Lists `services` (full names) together with grpc.health.v1.Health and the two reflection services. Descriptions are
  // given of everything that is linked in, listed or not.
  explicit ReflectionService(std::vector<std::string> services);
  ~ReflectionService();

  // Both to be registered with one server, which must not outlive this.
  [[nodiscard]] std::vector<grpc::Service*> services() const { return {v1_.get(), v1alpha_.get()}; }

 private:
  const std::vector<std::string> names_;  // sorted
  std::unique_ptr<grpc::Service> v1_;
  std::unique_ptr<grpc::Service> v1alpha_;
};

}  // namespace perennial
