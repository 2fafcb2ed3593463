#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace perennial {

// Everything in a file. FAILED_PRECONDITION with a sentence that names it when it cannot be read or is larger than 16 MiB.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Hands out the contents of a few files, together, whenever they have changed. Their contents count, not their times, so that
// links that are swapped (as Kubernetes does) are noticed.
//
// A change is handed out when two looks in a row have seen the same, so that a file that is being written is not taken half.
class FileWatcher {
 public:
  // Takes contents in order of `paths`, or says what is wrong with them: then they are logged and counted, once, and whoever
  // uses them goes on with what it had. On the thread of the watcher.
  using Take = std::function<absl::Status(const std::vector<std::string>& contents)>;

  // Looks every `interval` until it is destroyed. `initial` are the contents that were taken already.
  FileWatcher(std::vector<std::string> paths, std::vector<std::string> initial, std::chrono::milliseconds interval,
              Take take);

  // How often changed contents were taken, and refused.
  [[nodiscard]] std::int64_t taken() const { return taken_; }
  [[nodiscard]] std::int64_t refused() const { return refused_; }

 private:
  void Loop(const std::stop_token& stop);
  void Look();

  const std::vector<std::string> paths_;
  const std::chrono::milliseconds interval_;
  const Take take_;
  std::vector<std::string> known_;    // taken or refused
  std::vector<std::string> pending_;  // seen once
  bool unreadable_ = false;
  std::atomic<std::int64_t> taken_ = 0;
  std::atomic<std::int64_t> refused_ = 0;
  std::mutex mu_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: uses all of the above
};

}  // namespace perennial
