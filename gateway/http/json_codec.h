#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial::gateway::http {

// Deepest nesting of JSON that is taken.
constexpr int kDeepestJson = 64;

// Translates between protobuf's JSON mapping and its binary form, for types that are linked into the program.
//
// JSON comes from strangers, and protobuf's own parser is lenient and slow on hostile input: it is looked at by a
// strict, bounded parser first. What is no JSON (RFC 8259), has a name twice in one object, nests deeper than
// kDeepestJson or has a field that the type lacks is INVALID_ARGUMENT and says where.
absl::StatusOr<std::string> JsonToBinary(const google::protobuf::Descriptor& type, absl::string_view json);

// INTERNAL when the bytes are no message of that type.
absl::StatusOr<std::string> BinaryToJson(const google::protobuf::Descriptor& type, const std::string& binary);

}  // namespace perennial::gateway::http
