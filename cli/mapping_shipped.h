#pragma once

#include <string>
#include <vector>

namespace perennial::cli {

// A mapping of cli/mappings that is part of the program.
struct ShippedMapping {
  std::string name;
  std::string text;
};

// All of them, by name. Lives as long as the process.
const std::vector<ShippedMapping>& ShippedMappings();

}  // namespace perennial::cli
