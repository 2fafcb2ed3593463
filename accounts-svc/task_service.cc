#include "accounts-svc/task_service.h"

#include <memory>
#include <optional>
#include <utility>

#include "common/server/serve_unary.h"

namespace perennial::accounts {

grpc::ServerUnaryReactor* TaskService::CreateTask(grpc::CallbackServerContext* context,
                                                  const v1::CreateTaskRequest* request,
                                                  v1::CreateTaskResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return tasks_.Create(call); });
}

grpc::ServerUnaryReactor* TaskService::GetTask(grpc::CallbackServerContext* context, const v1::GetTaskRequest* request,
                                               v1::GetTaskResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return tasks_.Get(call); });
}

grpc::ServerUnaryReactor* TaskService::ListTasks(grpc::CallbackServerContext* context,
                                                 const v1::ListTasksRequest* request, v1::ListTasksResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return tasks_.List(call); });
}

grpc::ServerUnaryReactor* TaskService::UpdateTask(grpc::CallbackServerContext* context,
                                                  const v1::UpdateTaskRequest* request,
                                                  v1::UpdateTaskResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return tasks_.Update(call); });
}

grpc::ServerUnaryReactor* TaskService::CompleteTask(grpc::CallbackServerContext* context,
                                                    const v1::CompleteTaskRequest* request,
                                                    v1::CompleteTaskResponse* response) {
  return ServeUnary(pool_, context, request, response, [this](const auto& call) { return tasks_.Complete(call); });
}

grpc::ServerWriteReactor<v1::WatchTasksResponse>* TaskService::WatchTasks(grpc::CallbackServerContext*,
                                                                          const v1::WatchTasksRequest* request) {
  auto cursor = tasks_.Watch(*request);
  if (!cursor.ok()) {
    return WatchStream<v1::WatchTasksResponse>::Start(
        hub_, watch_pool_,
        [status = cursor.status()]() -> absl::StatusOr<std::optional<v1::WatchTasksResponse>> { return status; });
  }
  return WatchStream<v1::WatchTasksResponse>::Start(
      hub_, watch_pool_, [cursor = std::shared_ptr<TaskCursor>(*std::move(cursor))] { return cursor->Next(); });
}

}  // namespace perennial::accounts
