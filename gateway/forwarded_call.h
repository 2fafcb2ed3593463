#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "gateway/gatekeeper.h"
#include "gateway/routes.h"

namespace perennial::gateway {

// One stream on its way through the gateway, of whatever kind: messages are passed on as bytes, one at a time in each
// direction, so that whoever is slow slows down the other end and not the gateway's memory.
//
// Ownership. The call has two sides, each a gRPC reactor with its own lifetime: the caller's (server) and the backend's
// (client). Each holds a reference to the whole until its OnDone; the call dies with the last one, so a reaction of one
// side may always touch the other. Its deleter, given by whoever starts it, gives back what the call had taken.
//
// What may be started when:
//  - The caller's side is finished in one place, the backend's OnDone, so it takes operations until then.
//  - The backend's side would be done, and take no more operations, as soon as none is under way. Two holds prevent
//    that, one for each direction. The hold of the responses belongs to the chain initial metadata - read - write -
//    read ..., which is strictly sequential. The hold of the requests may be given back by two: by the chain read -
//    write - read ..., and from outside it when the responses have ended, as then the caller may be waiting for the
//    status without sending anything. `mu_` decides between them.
// No operation is started under `mu_`.
class ForwardedCall {
 public:
  // `context` is the caller's, and the deadline too.
  ForwardedCall(const Route& route, grpc::GenericCallbackServerContext& context, Admission admission);

  // Starts both sides of `call`. gRPC and the call itself keep it alive from here on.
  static grpc::ServerGenericBidiReactor* Start(const std::shared_ptr<ForwardedCall>& call);

  // Ends the call with UNAVAILABLE, soon. On any thread.
  void Drain();

 private:
  class CallerSide final : public grpc::ServerGenericBidiReactor {
   public:
    explicit CallerSide(ForwardedCall& call) : call_(call) {}
    void OnReadDone(bool ok) override { call_.OnRequestRead(ok); }
    void OnWriteDone(bool ok) override { call_.OnResponseWritten(ok); }
    void OnCancel() override { call_.OnCallerLeft(); }
    void OnDone() override { const auto last_touch = std::move(call_.held_by_caller_); }

   private:
    ForwardedCall& call_;
  };

  class BackendSide final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit BackendSide(ForwardedCall& call) : call_(call) {}
    void OnReadInitialMetadataDone(bool ok) override { call_.OnInitialMetadata(ok); }
    void OnReadDone(bool ok) override { call_.OnResponseRead(ok); }
    void OnWriteDone(bool ok) override { call_.OnRequestWritten(ok); }
    void OnDone(const grpc::Status& status) override {
      call_.OnBackendDone(status);
      const auto last_touch = std::move(call_.held_by_backend_);
    }

   private:
    ForwardedCall& call_;
  };

  // Requests: caller to backend.
  void OnRequestRead(bool ok);
  void OnRequestWritten(bool ok);
  void CloseRequests();
  // Responses: backend to caller.
  void OnInitialMetadata(bool ok);
  void OnResponseRead(bool ok);
  void OnResponseWritten(bool ok);
  void EndResponses();

  void OnCallerLeft();
  void OnBackendDone(const grpc::Status& status);

  const Route& route_;
  grpc::GenericCallbackServerContext& caller_context_;  // gone after the caller's OnDone
  const std::string path_;
  const Admission admission_;
  grpc::ClientContext backend_context_;
  CallerSide caller_{*this};
  BackendSide backend_{*this};
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::atomic<bool> drained_ = false;

  Mutex mu_;
  // A request is being passed on, so the hold of the requests is in use.
  bool request_busy_ ABSL_GUARDED_BY(mu_) = false;
  // No further request is passed on. The hold has been given back, or is by whoever made it busy.
  bool requests_closed_ ABSL_GUARDED_BY(mu_) = false;

  std::shared_ptr<ForwardedCall> held_by_caller_;
  std::shared_ptr<ForwardedCall> held_by_backend_;
};

}  // namespace perennial::gateway
