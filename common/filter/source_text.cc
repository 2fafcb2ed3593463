#include "common/filter/source_text.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace perennial::filter {
namespace {

constexpr std::size_t kLongestShown = 60;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Bytes that the character starting with `first` takes; 0 when none starts so.
std::size_t SequenceLength(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 0;
}

// Overlong forms, surrogates and code points over U+10FFFF show in the second byte.
bool SecondByteFits(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0: return second >= 0xA0;
    case 0xED: return second < 0xA0;
    case 0xF0: return second >= 0x90;
    case 0xF4: return second < 0x90;
    default: return true;
  }
}

}  // namespace

std::string PositionOf(absl::string_view source, std::size_t offset) {
  int line = 1;
  int column = 1;
  for (const char c : source.substr(0, offset)) {
    if (c == '\n') {
      ++line;
      column = 1;
    } else if (!IsContinuation(c)) {
      ++column;
    }
  }
  return absl::StrCat(line, ":", column);
}

absl::Status ErrorAt(absl::string_view source, std::size_t offset, absl::string_view problem, absl::string_view hint) {
  return absl::InvalidArgumentError(
      absl::StrCat(problem, " at ", PositionOf(source, offset), hint.empty() ? "" : "; ", hint));
}

std::string Shown(absl::string_view text) {
  std::string shown(text);
  if (shown.size() > kLongestShown) {
    std::size_t end = kLongestShown;
    while (end > 0 && IsContinuation(shown[end])) --end;
    shown = absl::StrCat(shown.substr(0, end), "...");
  }
  return absl::StrCat("'", absl::StrReplaceAll(shown, {{"\n", "\\n"}, {"\r", "\\r"}, {"\t", "\\t"}}), "'");
}

std::optional<std::size_t> FirstInvalidUtf8(absl::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = SequenceLength(first);
    if (length == 0 || length > text.size() - i) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if (!IsContinuation(text[i + k])) return i;
    }
    if (length > 1 && !SecondByteFits(first, static_cast<unsigned char>(text[i + 1]))) return i;
    i += length;
  }
  return std::nullopt;
}

}  // namespace perennial::filter
