#include "cli/text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/utf8.h"

namespace perennial::cli {
namespace {

absl::string_view CodeOf(Style style) {
  switch (style) {
    case Style::kPlain: return "";
    case Style::kBold: return "\x1b[1m";
    case Style::kDim: return "\x1b[2m";
    case Style::kRed: return "\x1b[31m";
    case Style::kYellow: return "\x1b[33m";
    case Style::kGreen: return "\x1b[32m";
    case Style::kCyan: return "\x1b[36m";
  }
  return "";
}

constexpr absl::string_view kReset = "\x1b[0m";

}  // namespace

Text& Text::Add(absl::string_view text, Style style) {
  if (text.empty()) return *this;
  std::string clean = CleanText(text);
  width_ += DisplayWidth(clean);
  if (!pieces_.empty() && pieces_.back().style == style) {
    pieces_.back().text += clean;
  } else {
    pieces_.push_back({std::move(clean), style});
  }
  return *this;
}

Text& Text::Add(const Text& other) {
  for (const Piece& piece : other.pieces_) Add(piece.text, piece.style);
  return *this;
}

Text& Text::PadTo(int width) {
  if (width > width_) Add(std::string(static_cast<std::size_t>(width - width_), ' '), Style::kPlain);
  return *this;
}

Text Text::Truncated(int width) const {
  if (width_ <= width) return *this;
  Text cut;
  for (const Piece& piece : pieces_) {
    const int left = width - cut.width_;
    const int wide = DisplayWidth(piece.text);
    if (wide < left) {
      cut.Add(piece.text, piece.style);
      continue;
    }
    // A piece that fits exactly still has to give a column to "…": more follows.
    cut.Add(TruncateText(wide == left ? piece.text + "+" : piece.text, left), piece.style);
    break;
  }
  return cut;
}

Text Text::AlignedRight(int width) const {
  Text aligned;
  aligned.PadTo(width - width_);
  aligned.Add(*this);
  return aligned;
}

std::string Text::Render(bool colour) const {
  std::string line;
  std::size_t seen_end = 0;  // after the last byte that is not a trailing space
  for (const Piece& piece : pieces_) {
    const absl::string_view code = colour ? CodeOf(piece.style) : "";
    absl::StrAppend(&line, code, piece.text, code.empty() ? "" : kReset);
    if (piece.text.find_last_not_of(' ') != std::string::npos) seen_end = line.size();
  }
  line.resize(seen_end);
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string Render(const Page& page, bool colour) {
  std::string bytes;
  for (const Text& line : page) absl::StrAppend(&bytes, line.Render(colour), "\n");
  return bytes;
}

void Append(Page& page, const Page& more) { page.insert(page.end(), more.begin(), more.end()); }

Page SideBySide(const Page& left, int left_width, int gap, const Page& right) {
  Page page;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    Text line = i < left.size() ? left[i].Truncated(left_width) : Text();
    line.PadTo(left_width + gap);
    if (i < right.size()) line.Add(right[i]);
    page.push_back(std::move(line));
  }
  return page;
}

Page Wrap(absl::string_view text, int width, int indent, Style style) {
  Page page;
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) page.push_back(Text(margin).Add(TruncateText(CleanText(line), width - indent), style));
    line.clear();
  };
  for (const absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty())) {
    if (!line.empty() && DisplayWidth(line) + 1 + DisplayWidth(word) > width - indent) flush();
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  flush();
  return page;
}

}  // namespace perennial::cli
