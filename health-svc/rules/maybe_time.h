#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "absl/time/time.h"

namespace perennial::health {

// A time to the microsecond, or none, in eight bytes: a third of a std::optional<absl::Time>, which it becomes by itself.
class MaybeTime {
 public:
  MaybeTime() = default;
  MaybeTime(std::nullopt_t) {}                                     // NOLINT(google-explicit-constructor): it is one
  MaybeTime(absl::Time time) : micros_(absl::ToUnixMicros(time)) {}  // NOLINT(google-explicit-constructor)
  MaybeTime(const std::optional<absl::Time>& time) {               // NOLINT(google-explicit-constructor)
    if (time.has_value()) micros_ = absl::ToUnixMicros(*time);
  }
  operator std::optional<absl::Time>() const {  // NOLINT(google-explicit-constructor)
    return has_value() ? std::optional<absl::Time>(**this) : std::nullopt;
  }

  [[nodiscard]] bool has_value() const { return micros_ != kNone; }
  absl::Time operator*() const { return absl::FromUnixMicros(micros_); }
  void reset() { micros_ = kNone; }

  friend bool operator==(const MaybeTime&, const MaybeTime&) = default;

 private:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();
  std::int64_t micros_ = kNone;
};

}  // namespace perennial::health
