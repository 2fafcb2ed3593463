#include "common/base/nearest.h"

#include <algorithm>
#include <cstdlib>

namespace perennial {
namespace {

constexpr std::size_t kLongestName = 128;

void StripCommonEnds(absl::string_view& a, absl::string_view& b) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) {
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a.remove_suffix(1);
    b.remove_suffix(1);
  }
}

// The least distance in a row of the table.
int LeastOf(const int* row, int i, int columns, int limit) {
  return *std::min_element(row + std::max(0, i - limit), row + std::min(columns, i + limit) + 1);
}

}  // namespace

int EditDistance(absl::string_view a, absl::string_view b, int limit) {
  StripCommonEnds(a, b);
  const int rows = static_cast<int>(a.size());
  const int columns = static_cast<int>(b.size());
  const int far = limit + 1;
  if (std::abs(rows - columns) > limit) return far;
  if (rows == 0 || columns == 0) return std::max(rows, columns);
  // Rows i-2, i-1 and i of the table of distances between prefixes. Cells further than `limit` from the diagonal are
  // far.
  std::vector<int> table(static_cast<std::size_t>(columns + 1) * 3);
  const auto row = [&](int i) { return table.data() + (i % 3) * (columns + 1); };
  const auto cell = [&](int i, int j) { return std::abs(i - j) > limit ? far : row(i)[j]; };
  for (int j = 0; j <= std::min(columns, limit); ++j) row(0)[j] = j;
  for (int i = 1; i <= rows; ++i) {
    int best = far;
    for (int j = std::max(0, i - limit); j <= std::min(columns, i + limit); ++j) {
      int distance = cell(i - 1, j) + 1;
      if (j > 0) {
        distance = std::min({distance, cell(i, j - 1) + 1, cell(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1)});
      }
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        distance = std::min(distance, cell(i - 2, j - 2) + 1);
      }
      row(i)[j] = std::min(distance, far);
      best = std::min(best, row(i)[j]);
    }
    // The next row may still swap over this one, so it has to be far from both.
    if (best > limit && LeastOf(row(i - 1), i - 1, columns, limit) >= limit) return far;
  }
  return cell(rows, columns);
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
