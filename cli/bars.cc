#include "cli/bars.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>

namespace perennial::cli {
namespace {

constexpr std::array<const char*, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
constexpr std::array<const char*, 8> kHeights = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

std::string Repeat(const char* text, int times) {
  std::string repeated;
  for (int i = 0; i < times; ++i) repeated += text;
  return repeated;
}

}  // namespace

Text Bar(double share, int width, Style style, bool track) {
  const double clamped = share > 0 ? std::min(share, 1.0) : 0.0;
  int eighths = static_cast<int>(std::lround(clamped * width * 8));
  if (clamped > 0) eighths = std::max(eighths, 1);
  Text bar(Repeat("█", eighths / 8) + kEighths.at(static_cast<std::size_t>(eighths % 8)), style);
  if (track) bar.Add(Repeat("·", width - bar.width()), Style::kDim);
  bar.PadTo(width);
  return bar;
}

Text StackedBar(const std::vector<BarPart>& parts, int width) {
  const double total = std::accumulate(parts.begin(), parts.end(), 0.0,
                                       [](double sum, const BarPart& part) { return sum + part.value; });
  if (!(total > 0)) return {};
  std::vector<int> columns;
  for (const BarPart& part : parts) {
    const int rounded = static_cast<int>(std::lround(part.value / total * width));
    columns.push_back(part.value > 0 ? std::max(rounded, 1) : 0);
  }
  // Rounding may have given away too many columns or too few.
  for (int over = std::accumulate(columns.begin(), columns.end(), 0) - width; over != 0; over += over > 0 ? -1 : 1) {
    *std::max_element(columns.begin(), columns.end()) += over > 0 ? -1 : 1;
  }
  Text bar;
  for (std::size_t i = 0; i < parts.size(); ++i) bar.Add(Repeat(parts[i].shade, columns[i]), parts[i].style);
  return bar;
}

Text Sparkline(const std::vector<std::optional<double>>& values, double low, double high, Style style) {
  Text line;
  for (const std::optional<double>& value : values) {
    if (!value.has_value()) {
      line.Add("·", Style::kDim);
      continue;
    }
    const double share = high > low ? (*value - low) / (high - low) : 0.5;
    const int step = std::clamp(static_cast<int>(share * 8), 0, 7);
    line.Add(kHeights.at(static_cast<std::size_t>(step)), style);
  }
  return line;
}

}  // namespace perennial::cli
