#pragma once

#include "accounts-svc/tasks.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"
#include "perennial/accounts/v1/task_service.grpc.pb.h"

namespace perennial::accounts {

// Serves Tasks over gRPC. All it adds is the transport.
class TaskService final : public v1::TaskService::CallbackService {
 public:
  // All must outlive this. `watch_pool` is for streams, so that many readers of the feed do not hold up single calls.
  TaskService(Tasks& tasks, WorkerPool& pool, WorkerPool& watch_pool, WatchHub& hub)
      : tasks_(tasks), pool_(pool), watch_pool_(watch_pool), hub_(hub) {}

  grpc::ServerUnaryReactor* CreateTask(grpc::CallbackServerContext* context, const v1::CreateTaskRequest* request,
                                       v1::CreateTaskResponse* response) override;
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* context, const v1::GetTaskRequest* request,
                                    v1::GetTaskResponse* response) override;
  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context, const v1::ListTasksRequest* request,
                                      v1::ListTasksResponse* response) override;
  grpc::ServerUnaryReactor* UpdateTask(grpc::CallbackServerContext* context, const v1::UpdateTaskRequest* request,
                                       v1::UpdateTaskResponse* response) override;
  grpc::ServerUnaryReactor* CompleteTask(grpc::CallbackServerContext* context, const v1::CompleteTaskRequest* request,
                                         v1::CompleteTaskResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchTasksResponse>* WatchTasks(grpc::CallbackServerContext* context,
                                                               const v1::WatchTasksRequest* request) override;

 private:
  Tasks& tasks_;
  WorkerPool& pool_;
  WorkerPool& watch_pool_;
  WatchHub& hub_;
};

}  // namespace perennial::accounts
