#pragma once

#include <cstddef>
#include <string>

namespace perennial::filter {

enum class TokenKind : unsigned char {
  kEnd,
  kWord,    // bare text: a part of a name, a number, a time
  kString,  // quoted text
  kAnd,
  kOr,
  kNot,
  kMinus,
  kDot,
  kComma,
  kOpen,
  kClose,
  kComparator,
};

enum class Comparator : unsigned char { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kHas };

// "=", "!=", "<", "<=", ">", ">=" or ":".
const char* NameOf(Comparator comparator);

struct Token {
  TokenKind kind = TokenKind::kEnd;
  // Bytes [begin, end) of the filter.
  std::size_t begin = 0;
  std::size_t end = 0;
  // Whether white space, or nothing at all, stands before it.
  bool space_before = true;
  // Of words, strings and keywords: the text, with quotes and escapes resolved.
  std::string text = {};
  // Whether the text starts and ends with a wildcard (a `*` that no backslash makes literal).
  bool star_front = false;
  bool star_back = false;
  // Wildcards in the text, those at its ends included.
  int stars = 0;
  // Of a comparator.
  Comparator comparator = Comparator::kEqual;
};

}  // namespace perennial::filter
