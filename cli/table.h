#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cli/text.h"

namespace perennial::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
  // Takes what the others leave: the first such column grows, and all of them, the widest first, shrink to `min_width`
  // by cutting their texts when the table is too wide.
  bool flexible = false;
  int min_width = 8;
};

// Rows in columns, two spaces apart.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column.
  void AddRow(std::vector<Text> cells);
  // A line of its own under the last row.
  void AddLine(Text line);

  // Lines of `width` columns, each after `indent` spaces. A header line only when a column has a title.
  [[nodiscard]] Page Render(int width, int indent = 2) const;

 private:
  struct Row {
    std::vector<Text> cells;
    bool whole_line = false;  // its only cell is the line
  };
  [[nodiscard]] std::vector<int> Widths(int width) const;
  [[nodiscard]] Text Line(const std::vector<Text>& cells, const std::vector<int>& widths, int indent) const;

  const std::vector<Column> columns_;
  std::vector<Row> rows_;
};

// "Title ──────────── note": the head of a section, `width` columns wide.
Text SectionHead(absl::string_view title, absl::string_view note, int width);

}  // namespace perennial::cli
