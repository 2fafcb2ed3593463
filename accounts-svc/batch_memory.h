#pragma once

#include <atomic>
#include <cstddef>

namespace perennial::accounts {

// Bounds the memory of batches that streams have sent and that are not on disk yet, over all streams together. A stream that
// holds nothing may always take one batch, so that each moves on; it takes more only while there is room. Thread-safe.
class BatchMemory {
 public:
  BatchMemory(std::size_t most_bytes, std::size_t most_streams) : most_bytes_(most_bytes), most_streams_(most_streams) {}

  // False when there are too many streams.
  [[nodiscard]] bool AddStream() {
    if (streams_.fetch_add(1) < most_streams_) return true;
    --streams_;
    return false;
  }
  void RemoveStream() { --streams_; }

  [[nodiscard]] bool HasRoom() const { return bytes_ < most_bytes_; }
  void Take(std::size_t bytes) { bytes_ += bytes; }
  void Give(std::size_t bytes) { bytes_ -= bytes; }

 private:
  const std::size_t most_bytes_;
  const std::size_t most_streams_;
  std::atomic<std::size_t> bytes_ = 0;
  std::atomic<std::size_t> streams_ = 0;
};

}  // namespace perennial::accounts
