#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace perennial::cli {

// How a piece of text looks where colours are on.
enum class Style { kPlain, kBold, kDim, kRed, kYellow, kGreen, kCyan };

// A line for a terminal: pieces of clean text (see CleanText), each with a style. Escape codes appear only when it is
// rendered with colours, so widths are always those of what is seen.
class Text {
 public:
  Text() = default;
  // Implicit, so that plain strings are lines and cells.
  Text(absl::string_view text, Style style = Style::kPlain) {
    Add(text, style);
  }                                                                 // NOLINT(google-explicit-constructor)
  Text(const std::string& text) : Text(absl::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Text(const char* text) : Text(absl::string_view(text)) {}         // NOLINT(google-explicit-constructor)

  Text& Add(absl::string_view text, Style style);
  Text& Add(const Text& other);
  // Spaces up to `width` columns; nothing when it is that wide already.
  Text& PadTo(int width);

  // Columns it takes.
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] bool empty() const { return pieces_.empty(); }

  // It, cut to `width` columns with "…".
  [[nodiscard]] Text Truncated(int width) const;
  // It, with spaces before so that it is `width` columns wide.
  [[nodiscard]] Text AlignedRight(int width) const;
  // As bytes, without trailing spaces.
  [[nodiscard]] std::string Render(bool colour) const;

 private:
  struct Piece {
    std::string text;
    Style style;
  };
  std::vector<Piece> pieces_;
  int width_ = 0;
};

// Lines from top to bottom.
using Page = std::vector<Text>;

// The lines, each with its end.
std::string Render(const Page& page, bool colour);

// Adds the lines of `more` to the end of `page`.
void Append(Page& page, const Page& more);

// Two pages next to each other; the right one begins after `left_width` + `gap` columns.
Page SideBySide(const Page& left, int left_width, int gap, const Page& right);

// Words of `text` in lines of at most `width` columns, each after `indent` spaces.
Page Wrap(absl::string_view text, int width, int indent, Style style = Style::kPlain);

}  // namespace perennial::cli
