#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "cli/mapping_fields.h"

// Values as the canonical format writes them: what an import reads as exactly the same.
namespace perennial::cli {

// RFC 3339 in UTC, as precise as the time is.
std::string TextOfTime(const google::protobuf::Timestamp& time);

// The shortest text that is read as the same number.
std::string TextOfNumber(double number);

// Texts with ";" between them. What would be read otherwise (";" and "\" in a text, blanks around it) has a "\" before
// it.
std::string TextOfList(const google::protobuf::RepeatedPtrField<std::string>& texts);

// A field of a message; empty when it is absent. Names of accounts and of what lies below them stay whole.
std::string TextOf(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

// A field of a record's kind, as SetField and SetTimeField read it.
std::string TextOf(const google::protobuf::Message& message, const FieldSpec& field);

// An attribute. `json`: a text in quotes, as JSON writes it, so that an empty one can be told from none.
std::string TextOf(const accounts::v1::AttributeValue& value, bool json);

}  // namespace perennial::cli
