#pragma once

#include <string>

#include "common/facts/fact_catalogue.h"
#include "common/filter/program.h"

namespace perennial::filter {

struct Printed {
  // The canonical form: strings in double quotes, durations as numbers, times in UTC, each AND or OR inside another
  // operator in parentheses. Compiling it gives the same program.
  std::string text;
  // How deep its parentheses and negations are nested.
  int depth = 0;
};

// Writes a program in canonical form; the filter that selects everything is empty.
Printed Print(const Program& program, const facts::FactCatalogue& catalogue);

}  // namespace perennial::filter
