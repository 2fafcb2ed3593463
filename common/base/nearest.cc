#include "common/base/nearest.h"

#include <algorithm>
#include <cstdlib>

namespace perennial {
namespace {

constexpr std::size_t kLongestName = 128;

}  // namespace

int EditDistance(absl::string_view a, absl::string_view b, int limit) {
  const int most = static_cast<int>(std::max(a.size(), b.size()));
  const int gap = most - static_cast<int>(std::min(a.size(), b.size()));
  if (gap > limit) return limit + 1;
  std::vector<int> before_last(b.size() + 1);
  std::vector<int> last(b.size() + 1);
  std::vector<int> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = static_cast<int>(i);
    int best = current[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, last[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before_last[j - 2] + 1);
      }
      best = std::min(best, current[j]);
    }
    // A swap may still reach back to the row before the last, so one row over the limit is not enough to stop.
    if (best > limit + 1) return limit + 1;
    std::swap(before_last, last);
    std::swap(last, current);
  }
  return std::min(last[b.size()], limit + 1);
}

std::string NearestName(absl::string_view name, const std::vector<absl::string_view>& candidates) {
  if (name.size() > kLongestName) return "";
  int limit = std::clamp(static_cast<int>(name.size()) / 3, 1, 4);
  std::string nearest;
  for (const absl::string_view candidate : candidates) {
    const int distance = EditDistance(name, candidate, limit);
    if (distance > limit || distance >= static_cast<int>(std::max(name.size(), candidate.size()))) continue;
    nearest = std::string(candidate);
    limit = distance - 1;
    if (limit < 0) break;
  }
  return nearest;
}

}  // namespace perennial
