#pragma once

#include <grpcpp/grpcpp.h>

#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/segments/v1/segment_service.grpc.pb.h"
#include "segment-svc/freshness_gate.h"
#include "segment-svc/member_decisions.h"
#include "segment-svc/memberships.h"
#include "segment-svc/preview.h"
#include "segment-svc/segment_metrics.h"
#include "segment-svc/segments.h"

namespace perennial::segments {

// SegmentService as gRPC serves it: threads and transport, no rules.
class SegmentService final : public v1::SegmentService::CallbackService {
 public:
  // What it needs; everything must outlive it.
  struct Parts {
    const SegmentEngine& engine;
    SegmentStore& store;
    Segments& segments;
    const Memberships& memberships;
    const Preview& preview;
    MemberDecisions& decisions;
    const SegmentMetricsReader& metrics;
    FreshnessGate& gate;
    WatchHub& hub;
    WorkerPool& pool;
    WorkerPool& watch_pool;
  };
  explicit SegmentService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateSegment(grpc::CallbackServerContext* context, const v1::CreateSegmentRequest* request,
                                          v1::CreateSegmentResponse* response) override;
  grpc::ServerUnaryReactor* GetSegment(grpc::CallbackServerContext* context, const v1::GetSegmentRequest* request,
                                       v1::GetSegmentResponse* response) override;
  grpc::ServerUnaryReactor* ListSegments(grpc::CallbackServerContext* context, const v1::ListSegmentsRequest* request,
                                         v1::ListSegmentsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSegment(grpc::CallbackServerContext* context, const v1::UpdateSegmentRequest* request,
                                          v1::UpdateSegmentResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSegment(grpc::CallbackServerContext* context, const v1::DeleteSegmentRequest* request,
                                          v1::DeleteSegmentResponse* response) override;
  grpc::ServerUnaryReactor* PreviewSegment(grpc::CallbackServerContext* context,
                                           const v1::PreviewSegmentRequest* request,
                                           v1::PreviewSegmentResponse* response) override;
  grpc::ServerUnaryReactor* ListMembers(grpc::CallbackServerContext* context, const v1::ListMembersRequest* request,
                                        v1::ListMembersResponse* response) override;
  grpc::ServerUnaryReactor* ListAccountSegments(grpc::CallbackServerContext* context,
                                                const v1::ListAccountSegmentsRequest* request,
                                                v1::ListAccountSegmentsResponse* response) override;
  grpc::ServerUnaryReactor* AddMember(grpc::CallbackServerContext* context, const v1::AddMemberRequest* request,
                                      v1::AddMemberResponse* response) override;
  grpc::ServerUnaryReactor* RemoveMember(grpc::CallbackServerContext* context, const v1::RemoveMemberRequest* request,
                                         v1::RemoveMemberResponse* response) override;
  grpc::ServerUnaryReactor* ResetMember(grpc::CallbackServerContext* context, const v1::ResetMemberRequest* request,
                                        v1::ResetMemberResponse* response) override;
  grpc::ServerUnaryReactor* ListMemberDecisions(grpc::CallbackServerContext* context,
                                                const v1::ListMemberDecisionsRequest* request,
                                                v1::ListMemberDecisionsResponse* response) override;
  grpc::ServerUnaryReactor* ListSegmentHistory(grpc::CallbackServerContext* context,
                                               const v1::ListSegmentHistoryRequest* request,
                                               v1::ListSegmentHistoryResponse* response) override;
  grpc::ServerUnaryReactor* GetSegmentMetrics(grpc::CallbackServerContext* context,
                                              const v1::GetSegmentMetricsRequest* request,
                                              v1::GetSegmentMetricsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchMembershipResponse>* WatchMembership(
      grpc::CallbackServerContext* context, const v1::WatchMembershipRequest* request) override;

 private:
  const Parts parts_;
};

}  // namespace perennial::segments
