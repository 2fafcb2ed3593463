#include "common/server/exit_code.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace perennial {
namespace {

std::atomic<int> stop_code = 0;

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition: return kExitConfig;
    case absl::StatusCode::kDataLoss: return kExitDamaged;
    case absl::StatusCode::kUnavailable: return kExitUnavailable;
    case absl::StatusCode::kResourceExhausted: return kExitDisk;
    default: return kExitBroken;
  }
}

void StopWith(int exit_code) {
  int none = 0;
  if (stop_code.compare_exchange_strong(none, exit_code)) kill(getpid(), SIGTERM);
}

void LeaveIfStoppedWithCode() {
  if (stop_code == 0) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  _exit(stop_code);
}

}  // namespace perennial
