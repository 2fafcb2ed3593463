#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cli/global_options.h"

namespace perennial::cli {

using Json = nlohmann::ordered_json;

// protobuf's JSON of `message` with the names of the proto and every field, also those that are zero or empty; only
// optional fields that are unknown are left out. 64-bit integers are strings there, as protobuf's JSON has them.
Json JsonOf(const google::protobuf::Message& message);

// Prints `json` indented, and a line's end.
void PrintJson(const GlobalOptions& options, const Json& json);

// On one line, for streams of objects. Text that is not UTF-8 is replaced, not refused.
std::string OneLine(const Json& json);

}  // namespace perennial::cli
