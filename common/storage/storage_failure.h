#pragma once

#include "absl/status/status.h"

namespace perennial {

// What an error of storage says about the storage itself.
enum class StorageFailure {
  kNone,     // a refusal, a conflict, a lock, a full disk: it goes on, or will
  kDamaged,  // what is stored cannot be read
  // The disk failed. This process must write nothing more: what was not yet synced may be gone, and trying again would hide
  // that, since the system reports it once.
  kDisk,
};

// By the reason that the error carries.
StorageFailure FailureOf(const absl::Status& status);

}  // namespace perennial
