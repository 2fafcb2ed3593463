#include "segment-svc/segment_service.h"

#include <memory>

#include "common/server/serve_unary.h"
#include "segment-svc/serve_fresh.h"

namespace perennial::segments {

grpc::ServerUnaryReactor* SegmentService::CreateSegment(grpc::CallbackServerContext* context,
                                                        const v1::CreateSegmentRequest* request,
                                                        v1::CreateSegmentResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& create) { return parts_.segments.Create(create); });
}

grpc::ServerUnaryReactor* SegmentService::GetSegment(grpc::CallbackServerContext* context,
                                                     const v1::GetSegmentRequest* request,
                                                     v1::GetSegmentResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& get) { return parts_.segments.Get(get); });
}

grpc::ServerUnaryReactor* SegmentService::ListSegments(grpc::CallbackServerContext* context,
                                                       const v1::ListSegmentsRequest* request,
                                                       v1::ListSegmentsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& list) { return parts_.segments.List(list); });
}

grpc::ServerUnaryReactor* SegmentService::UpdateSegment(grpc::CallbackServerContext* context,
                                                        const v1::UpdateSegmentRequest* request,
                                                        v1::UpdateSegmentResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& update) { return parts_.segments.Update(update); });
}

grpc::ServerUnaryReactor* SegmentService::DeleteSegment(grpc::CallbackServerContext* context,
                                                        const v1::DeleteSegmentRequest* request,
                                                        v1::DeleteSegmentResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& remove) { return parts_.segments.Delete(remove); });
}

grpc::ServerUnaryReactor* SegmentService::PreviewSegment(grpc::CallbackServerContext* context,
                                                         const v1::PreviewSegmentRequest* request,
                                                         v1::PreviewSegmentResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& preview) { return parts_.preview.Run(preview); });
}

grpc::ServerUnaryReactor* SegmentService::ListMembers(grpc::CallbackServerContext* context,
                                                      const v1::ListMembersRequest* request,
                                                      v1::ListMembersResponse* response) {
  return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                    [this](const auto& list) { return parts_.memberships.ListMembers(list); });
}

grpc::ServerUnaryReactor* SegmentService::ListAccountSegments(grpc::CallbackServerContext* context,
                                                              const v1::ListAccountSegmentsRequest* request,
                                                              v1::ListAccountSegmentsResponse* response) {
  return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                    [this](const auto& list) { return parts_.memberships.ListAccountSegments(list); });
}

grpc::ServerUnaryReactor* SegmentService::AddMember(grpc::CallbackServerContext* context,
                                                    const v1::AddMemberRequest* request,
                                                    v1::AddMemberResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.decisions.Add(call); });
}

grpc::ServerUnaryReactor* SegmentService::RemoveMember(grpc::CallbackServerContext* context,
                                                       const v1::RemoveMemberRequest* request,
                                                       v1::RemoveMemberResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.decisions.Remove(call); });
}

grpc::ServerUnaryReactor* SegmentService::ResetMember(grpc::CallbackServerContext* context,
                                                      const v1::ResetMemberRequest* request,
                                                      v1::ResetMemberResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.decisions.Reset(call); });
}

grpc::ServerUnaryReactor* SegmentService::ListMemberDecisions(grpc::CallbackServerContext* context,
                                                              const v1::ListMemberDecisionsRequest* request,
                                                              v1::ListMemberDecisionsResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.decisions.List(call); });
}

grpc::ServerUnaryReactor* SegmentService::ListSegmentHistory(grpc::CallbackServerContext* context,
                                                             const v1::ListSegmentHistoryRequest* request,
                                                             v1::ListSegmentHistoryResponse* response) {
  return ServeUnary(parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.decisions.ListHistory(call); });
}

grpc::ServerUnaryReactor* SegmentService::GetSegmentMetrics(grpc::CallbackServerContext* context,
                                                            const v1::GetSegmentMetricsRequest* request,
                                                            v1::GetSegmentMetricsResponse* response) {
  return ServeFresh(parts_.gate, parts_.pool, context, request, response,
                    [this](const auto& call) { return parts_.metrics.Get(call); });
}

grpc::ServerWriteReactor<v1::WatchMembershipResponse>* SegmentService::WatchMembership(
    grpc::CallbackServerContext* /*context*/, const v1::WatchMembershipRequest* request) {
  // Shared, because a std::function is copied.
  auto watch = std::make_shared<MembershipWatch>(parts_.engine, parts_.store, *request);
  return WatchStream<v1::WatchMembershipResponse>::Start(parts_.hub, parts_.watch_pool,
                                                         [watch] { return watch->Next(); });
}

}  // namespace perennial::segments
