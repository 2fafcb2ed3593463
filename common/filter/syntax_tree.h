#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/filter/token.h"

namespace perennial::filter {

// What stands on a side of a comparator, or alone: a name, a literal or a function call.
struct Value {
  enum class Form : unsigned char { kWord, kString, kCall };
  Form form = Form::kWord;
  // The whole text, parts of a dotted name joined; the name of a call.
  std::string text = {};
  bool star_front = false;
  bool star_back = false;
  int stars = 0;
  std::size_t offset = 0;
  // Of a call.
  std::vector<Value> arguments = {};
};

// A filter as it was written, before names and types are looked at. AND and OR have two or more children, none of their
// own kind; NOT has one.
struct Expression {
  enum class Kind : unsigned char { kAnd, kOr, kNot, kRestriction };
  Kind kind = Kind::kRestriction;
  std::vector<Expression> children = {};
  // Of a restriction: `left` alone, or compared with `right`.
  Value left = {};
  std::optional<Comparator> comparator = {};
  std::size_t comparator_offset = 0;
  Value right = {};
};

struct SyntaxTree {
  // Nothing for the empty filter.
  std::optional<Expression> root;
  std::vector<std::string> warnings;
};

}  // namespace perennial::filter
