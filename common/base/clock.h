#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace perennial {

// Says what time it is. Injected wherever a rule depends on now, so that history can be looked at from its own day.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual absl::Time Now() const = 0;
};

// The time of the machine.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] absl::Time Now() const override { return absl::Now(); }
};

// Always the same time (flag --now).
class FixedClock final : public Clock {
 public:
  explicit FixedClock(absl::Time now) : now_(now) {}
  [[nodiscard]] absl::Time Now() const override { return now_; }

 private:
  const absl::Time now_;
};

// The clock that the flag --now asks for: fixed at an RFC 3339 time, or the machine's when it is empty.
inline absl::StatusOr<std::unique_ptr<Clock>> MakeClock(const std::string& now) {
  if (now.empty()) return std::make_unique<SystemClock>();
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, now, &time, &error)) {
    return absl::InvalidArgumentError("--now must be an RFC 3339 time such as 2024-12-31T23:59:59Z: " + error);
  }
  return std::make_unique<FixedClock>(time);
}

}  // namespace perennial
