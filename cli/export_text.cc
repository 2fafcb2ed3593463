#include "cli/export_text.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/time_util.h"
#include "perennial/accounts/v1/task.pb.h"

namespace perennial::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// TICKET_PRIORITY_URGENT is "urgent"; what is not said is empty.
std::string TextOfEnum(const google::protobuf::EnumDescriptor& type, int number) {
  if (number == 0) return "";
  const google::protobuf::EnumValueDescriptor* value = type.FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  const std::string& zero = type.value(0)->name();
  return absl::AsciiStrToLower(value->name().substr(zero.size() - absl::string_view("UNSPECIFIED").size()));
}

void AppendListElement(absl::string_view text, std::string* out) {
  const std::size_t begin = text.size() - absl::StripLeadingAsciiWhitespace(text).size();
  const std::size_t end = absl::StripTrailingAsciiWhitespace(text).size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ';' || text[i] == '\\' || i < begin || i >= end) out->push_back('\\');
    out->push_back(text[i]);
  }
}

// "[x] Ask Ann;[ ] Send the report": done or not.
std::string TextOfChecklist(const Message& message, const FieldDescriptor& field) {
  google::protobuf::RepeatedPtrField<std::string> lines;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    const auto& item = static_cast<const accounts::v1::ChecklistItem&>(
        message.GetReflection()->GetRepeatedMessage(message, &field, i));
    *lines.Add() = absl::StrCat(item.done() ? "[x] " : "[ ] ", item.title());
  }
  return TextOfList(lines);
}

}  // namespace

std::string TextOfTime(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%E*SZ", ToTime(time), absl::UTCTimeZone());
}

std::string TextOfNumber(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

std::string TextOfList(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::string out;
  for (int i = 0; i < texts.size(); ++i) {
    if (i > 0) out.push_back(';');
    AppendListElement(texts[i], &out);
  }
  return out;
}

std::string TextOf(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    google::protobuf::RepeatedPtrField<std::string> texts;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      *texts.Add() = reflection.GetRepeatedString(message, &field, i);
    }
    return TextOfList(texts);
  }
  if (field.has_presence() && !reflection.HasField(message, &field)) return "";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_DOUBLE: return TextOfNumber(reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_INT32: return absl::StrCat(reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64: return absl::StrCat(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM: return TextOfEnum(*field.enum_type(), reflection.GetEnumValue(message, &field));
    case FieldDescriptor::CPPTYPE_STRING: return reflection.GetString(message, &field);
    default: {
      const auto& time = static_cast<const google::protobuf::Timestamp&>(reflection.GetMessage(message, &field));
      return TextOfTime(time);
    }
  }
}

std::string TextOf(const Message& message, const FieldSpec& field) {
  if (field.type == FieldType::kChecklist) return TextOfChecklist(message, *field.descriptor);
  const bool is_money =
      field.descriptor->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field.type != FieldType::kTime;
  if (is_money) {
    const auto& money =
        static_cast<const type::v1::Money&>(message.GetReflection()->GetMessage(message, field.descriptor));
    return field.type == FieldType::kMoney ? money.amount() : money.currency_code();
  }
  const std::string text = TextOf(message, *field.descriptor);
  if (field.type != FieldType::kAccountName) return text;
  return std::string(absl::StripPrefix(text, "accounts/"));
}

std::string TextOf(const accounts::v1::AttributeValue& value, bool json) {
  switch (value.value_case()) {
    case accounts::v1::AttributeValue::kNumber: return TextOfNumber(value.number());
    case accounts::v1::AttributeValue::kFlag: return value.flag() ? "true" : "false";
    case accounts::v1::AttributeValue::kTime: return TextOfTime(value.time());
    case accounts::v1::AttributeValue::kText: return json ? nlohmann::json(value.text()).dump() : value.text();
    default: return "";
  }
}

}  // namespace perennial::cli
