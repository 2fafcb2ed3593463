#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

namespace perennial::gateway {

// One of the services behind the gateway. Safe to use from many threads.
class Backend {
 public:
  struct Options {
    // For messages, for example "accounts-svc".
    std::string name;
    // "host:port", resolved through DNS and balanced over all its addresses.
    std::string target;
    // Streams open at once; they last, and beyond the limit of a connection (1,000) a call would wait for another to
    // end.
    std::size_t max_streams = 900;
  };
  explicit Backend(Options options);

  [[nodiscard]] const std::string& name() const { return options_.name; }
  // For calls with one answer.
  [[nodiscard]] const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Forwards bytes. Streams have a connection of their own, so that they never take the place of other calls.
  grpc::GenericStub& stub(bool server_streaming) { return server_streaming ? stream_stub_ : stub_; }

  // False when too many streams are open; otherwise ReleaseStream() gives the place back.
  [[nodiscard]] bool TryAdmitStream();
  void ReleaseStream();

  // What the caller is told for `status`, with which a call to this service ended: the same, except that a failure to
  // reach the service names it, where gRPC names addresses.
  [[nodiscard]] grpc::Status StatusForCaller(const grpc::Status& status) const;

 private:
  const Options options_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::GenericStub stream_stub_;
  std::atomic<std::size_t> streams_ = 0;
};

}  // namespace perennial::gateway
