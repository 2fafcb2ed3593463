#include "cli/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace perennial::cli {
namespace {

constexpr int kGap = 2;

}  // namespace

void Table::AddRow(std::vector<Text> cells) {
  cells.resize(columns_.size());
  rows_.push_back({std::move(cells), false});
}

void Table::AddLine(Text line) { rows_.push_back({{std::move(line)}, true}); }

std::vector<int> Table::Widths(int width) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int widest = Text(columns_[i].title).width();
    for (const Row& row : rows_) {
      if (!row.whole_line) widest = std::max(widest, row.cells[i].width());
    }
    widths.push_back(widest);
  }
  int spare = width - std::accumulate(widths.begin(), widths.end(), 0) - kGap * static_cast<int>(columns_.size() - 1);
  for (; spare < 0; ++spare) {
    int* widest = nullptr;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const bool shrinks = columns_[i].flexible && widths[i] > columns_[i].min_width;
      if (shrinks && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
    }
    if (widest == nullptr) break;  // nothing gives way: better too wide than wrong
    --*widest;
  }
  const auto grows = std::find_if(columns_.begin(), columns_.end(), [](const Column& c) { return c.flexible; });
  if (spare > 0 && grows != columns_.end()) widths[static_cast<std::size_t>(grows - columns_.begin())] += spare;
  return widths;
}

Text Table::Line(const std::vector<Text>& cells, const std::vector<int>& widths, int indent) const {
  Text line;
  line.PadTo(indent);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line.PadTo(line.width() + kGap);
    const int end = line.width() + widths[i];
    const Text cell = cells[i].Truncated(widths[i]);
    line.Add(columns_[i].align == Align::kRight ? cell.AlignedRight(widths[i]) : cell);
    line.PadTo(end);
  }
  return line;
}

Page Table::Render(int width, int indent) const {
  const std::vector<int> widths = Widths(width - indent);
  Page page;
  if (std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return !c.title.empty(); })) {
    std::vector<Text> titles;
    for (const Column& column : columns_) titles.emplace_back(column.title, Style::kDim);
    page.push_back(Line(titles, widths, indent));
  }
  for (const Row& row : rows_) {
    if (row.whole_line) {
      Text line;
      line.PadTo(indent);
      page.push_back(line.Add(row.cells[0].Truncated(width - indent)));
    } else {
      page.push_back(Line(row.cells, widths, indent));
    }
  }
  return page;
}

Text SectionHead(absl::string_view title, absl::string_view note, int width) {
  Text head(title, Style::kBold);
  const Text tail =
      note.empty() ? Text() : Text(" ").Add(note, Style::kDim).Truncated(std::max(0, width - head.width() - 4));
  std::string rule;
  for (int i = head.width() + 1; i < width - tail.width(); ++i) rule += "─";
  return head.Add(" ").Add(rule, Style::kDim).Add(tail);
}

}  // namespace perennial::cli
