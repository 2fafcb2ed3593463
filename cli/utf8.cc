#include "cli/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace perennial::cli {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Decoded {
  char32_t code = 0;
  std::size_t length = 1;
  bool valid = false;
};

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

// Reads the character that `text`, which is not empty, begins with.
Decoded DecodeFirst(absl::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80U) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
  if (lead < 0xC2U || lead > 0xF4U || text.size() < length) return {};
  char32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return {};
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800U) || (length == 4 && code < 0x10000U);
  const bool surrogate = code >= 0xD800U && code <= 0xDFFFU;
  if (overlong || surrogate || code > 0x10FFFFU) return {};
  return {code, length, true};
}

struct Range {
  char32_t first;
  char32_t last;
};

template <std::size_t N>
bool IsIn(const std::array<Range, N>& ranges, char32_t code) {
  const auto* range =
      std::lower_bound(ranges.begin(), ranges.end(), code, [](const Range& r, char32_t c) { return r.last < c; });
  return range != ranges.end() && range->first <= code;
}

bool IsUnsafe(char32_t code) {
  const bool control = code < 0x20U || (code >= 0x7FU && code < 0xA0U);
  const bool breaks_line = code == 0x2028U || code == 0x2029U;
  const bool reorders = code == 0x200EU || code == 0x200FU || (code >= 0x202AU && code <= 0x202EU) ||
                        (code >= 0x2066U && code <= 0x2069U);
  return control || breaks_line || reorders;
}

int WidthOf(char32_t code) {
  static constexpr std::array<Range, 9> kZero = {{{0x300, 0x36F},
                                                  {0x483, 0x489},
                                                  {0x591, 0x5BD},
                                                  {0x64B, 0x65F},
                                                  {0x1AB0, 0x1AFF},
                                                  {0x200B, 0x200D},
                                                  {0x20D0, 0x20FF},
                                                  {0xFE00, 0xFE0F},
                                                  {0xFE20, 0xFE2F}}};
  static constexpr std::array<Range, 12> kWide = {{{0x1100, 0x115F},
                                                   {0x2E80, 0x303E},
                                                   {0x3041, 0xA4CF},
                                                   {0xA960, 0xA97F},
                                                   {0xAC00, 0xD7A3},
                                                   {0xF900, 0xFAFF},
                                                   {0xFE30, 0xFE6F},
                                                   {0xFF00, 0xFF60},
                                                   {0xFFE0, 0xFFE6},
                                                   {0x1F300, 0x1F64F},
                                                   {0x1F680, 0x1F9FF},
                                                   {0x20000, 0x3FFFD}}};
  if (IsIn(kZero, code)) return 0;
  return IsIn(kWide, code) ? 2 : 1;
}

}  // namespace

std::string CleanText(absl::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = DecodeFirst(text);
    const absl::string_view bytes = text.substr(0, next.length);
    const absl::string_view kept = next.valid && !IsUnsafe(next.code) ? bytes : kReplacement;
    clean.append(kept.data(), kept.size());
    text.remove_prefix(next.length);
  }
  return clean;
}

int DisplayWidth(absl::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Decoded next = DecodeFirst(text);
    width += WidthOf(next.code);
    text.remove_prefix(next.length);
  }
  return width;
}

std::string TruncateText(absl::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 0) return "";
  std::size_t bytes = 0;
  int used = 0;
  while (bytes < text.size()) {
    const Decoded next = DecodeFirst(text.substr(bytes));
    if (used + WidthOf(next.code) > width - 1) break;
    used += WidthOf(next.code);
    bytes += next.length;
  }
  // "Acme …" reads worse than "Acme…".
  while (bytes > 0 && text[bytes - 1] == ' ') --bytes;
  return std::string(text.substr(0, bytes)) + "…";
}

}  // namespace perennial::cli
