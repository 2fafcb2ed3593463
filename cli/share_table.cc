#include "cli/share_table.h"

#include <algorithm>

#include "cli/bars.h"
#include "cli/table.h"

namespace perennial::cli {
namespace {

constexpr int kIndent = 2;
constexpr int kGap = 2;
constexpr int kLeastBar = 6;
constexpr int kMostBar = 100;

}  // namespace

Page ShareTable(const std::vector<std::string>& titles, const std::vector<Share>& shares, int width) {
  int label_width = 0;
  double largest = 0;
  std::vector<int> cell_widths;
  for (const std::string& title : titles) cell_widths.push_back(Text(title).width());
  for (const Share& share : shares) {
    label_width = std::max(label_width, share.label.width());
    largest = std::max(largest, share.count);
    for (std::size_t i = 0; i < titles.size(); ++i) cell_widths[i] = std::max(cell_widths[i], share.cells[i].width());
  }
  int numbers = 0;
  for (const int cell_width : cell_widths) numbers += kGap + cell_width;
  const int bar_width = std::clamp(width - kIndent - label_width - kGap - numbers, kLeastBar, kMostBar);

  std::vector<Column> columns = {{"", Align::kLeft, true}, {""}};
  for (const std::string& title : titles) columns.push_back({title, Align::kRight});
  Table table(columns);
  for (const Share& share : shares) {
    std::vector<Text> cells = {share.label, Bar(largest > 0 ? share.count / largest : 0, bar_width, share.style)};
    cells.insert(cells.end(), share.cells.begin(), share.cells.end());
    table.AddRow(std::move(cells));
  }
  return table.Render(width, kIndent);
}

}  // namespace perennial::cli
