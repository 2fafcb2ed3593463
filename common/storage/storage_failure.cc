#include "common/storage/storage_failure.h"

#include <google/rpc/error_details.pb.h>

#include <string>

namespace perennial {

StorageFailure FailureOf(const absl::Status& status) {
  if (status.ok()) return StorageFailure::kNone;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  google::rpc::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) return StorageFailure::kNone;
  if (info.reason() == "STORAGE_DAMAGED") return StorageFailure::kDamaged;
  return info.reason() == "STORAGE_IO_ERROR" ? StorageFailure::kDisk : StorageFailure::kNone;
}

}  // namespace perennial
