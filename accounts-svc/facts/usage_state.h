#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "accounts-svc/facts/byte_codec.h"
#include "accounts-svc/model.h"

namespace perennial::accounts {

// Use of one metric, as the facts of one UTC day need it.
struct MetricUse {
  std::int64_t metric = 0;
  // Sums over the windows that end with the day, without the day itself.
  double before_7d = 0;
  double before_30d = 0;
  double prev_30d = 0;
  double before_90d = 0;
  double today = 0;
  std::optional<std::int64_t> last_day = {};
  std::uint32_t active_days = 0;  // bit i: used i days ago
  int users_30d = 0;
  // Whether the sums come out the same in any order of their parts.
  bool before_is_exact = true;
  bool today_is_exact = true;

  [[nodiscard]] double sum_7d() const { return before_7d + today; }
  [[nodiscard]] double sum_30d() const { return before_30d + today; }
  [[nodiscard]] double sum_90d() const { return before_90d + today; }
  [[nodiscard]] int active_days_30d() const { return __builtin_popcount(active_days); }
};

// The use of one account as its facts on one UTC day need it, to which more use can be added: the result is, to the last bit,
// that of the whole history with it. Of a size that depends on the account's metrics and users, not on its events.
class UsageState {
 public:
  UsageState() = default;
  // Of a history as of a moment of `day`.
  UsageState(const AccountHistory& history, std::int64_t day);

  // Nobody ever reported use.
  [[nodiscard]] bool empty() const { return !reported_; }
  // Of a metric that was ever used, or reported not to be; nullptr without.
  [[nodiscard]] const MetricUse* Find(std::int64_t metric) const;
  // When anything was last used.
  [[nodiscard]] std::optional<std::int64_t> last_day() const;
  // Whether any event ever named a user.
  [[nodiscard]] bool users_seen() const { return users_seen_; }
  // Different users of anything in 30 days.
  [[nodiscard]] std::size_t users() const { return users_.size(); }

  // Adds an event that was not there, of `day` or before. False when sums would depend on the order of their parts, which is
  // not known here: then the state is of no use any more.
  [[nodiscard]] bool Add(const UsageEvent& event);

  // Whether it is certain that the metric was used on that day or later.
  [[nodiscard]] bool KnowsUse(std::int64_t metric, std::int64_t day) const;
  // Whether it is certain that the user used the metric on that day.
  [[nodiscard]] bool KnowsUser(std::int64_t metric, std::int64_t day, absl::string_view user) const;

  // All of it as bytes, to the last bit. Decode() makes an empty state of bytes that Encode() did not make.
  void Encode(ByteWriter& out) const;
  static UsageState Decode(ByteReader& in);

  // Memory beyond the object itself, roughly.
  [[nodiscard]] std::size_t bytes() const;

 private:
  MetricUse& At(std::int64_t metric);
  void AddDay(MetricUse& use, std::int64_t day, double sum);
  bool AddToday(MetricUse& use, const UsageEvent& event);
  bool AddEarlier(MetricUse& use, std::int64_t day, double value);
  void AddUser(std::int64_t metric, std::int64_t day, absl::string_view user);

  std::int64_t day_ = 0;
  std::vector<MetricUse> metrics_;  // by number
  bool reported_ = false;
  bool users_seen_ = false;
  // Users of 30 days, and of each metric that they used its last day.
  absl::flat_hash_map<std::string, absl::InlinedVector<std::pair<std::int64_t, std::int64_t>, 2>> users_;
  // Place of the last event of the day, in the order in which values are added up.
  absl::Time last_time_ = absl::InfinitePast();
  std::string last_id_;
};

// Whether sums of such numbers are exact as long as they stay below kMostExactSum, so that their order does not matter.
bool IsExactPart(double value);
// 2^43, with parts of 2^-10: 53 bits.
constexpr double kMostExactSum = 8796093022208.0;

}  // namespace perennial::accounts
