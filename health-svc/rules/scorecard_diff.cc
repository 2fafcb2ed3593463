#include "health-svc/rules/scorecard_diff.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace perennial::health {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

class Differences {
 public:
  void Compare(const Message& before, const Message& after, const std::string& prefix) {
    const auto* descriptor = before.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const FieldDescriptor* field = descriptor->field(i);
      const std::string name = prefix + field->name();
      if (field->is_repeated()) {
        CompareLists(before, after, field, name);
      } else {
        CompareOne(before, after, field, name);
      }
    }
  }
  std::vector<v1::ScorecardDifference> Take() { return std::move(out_); }

 private:
  static std::string TextOf(const Message& message, const FieldDescriptor* field, int index = -1) {
    std::string text;
    TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const auto* reflection = message.GetReflection();
      printer.PrintToString(
          index < 0 ? reflection->GetMessage(message, field) : reflection->GetRepeatedMessage(message, field, index),
          &text);
      while (!text.empty() && text.back() == ' ') text.pop_back();
      return text;
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return index < 0 ? message.GetReflection()->GetString(message, field)
                       : message.GetReflection()->GetRepeatedString(message, field, index);
    }
    printer.PrintFieldValueToString(message, field, index, &text);
    return text;
  }
  static bool Has(const Message& message, const FieldDescriptor* field) {
    return !field->has_presence() || message.GetReflection()->HasField(message, field);
  }
  void Add(const std::string& field, std::string before, std::string after) {
    if (before == after) return;
    v1::ScorecardDifference difference;
    difference.set_field(field);
    difference.set_before(std::move(before));
    difference.set_after(std::move(after));
    out_.push_back(std::move(difference));
  }
  void CompareOne(const Message& before, const Message& after, const FieldDescriptor* field, const std::string& name) {
    const bool had = Has(before, field);
    const bool has = Has(after, field);
    if (had && has && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return Compare(before.GetReflection()->GetMessage(before, field), after.GetReflection()->GetMessage(after, field),
                     name + ".");
    }
    Add(name, had ? TextOf(before, field) : "", has ? TextOf(after, field) : "");
  }
  // Elements by what tells them apart, and their order.
  static std::map<std::string, int> Keys(const Message& message, const FieldDescriptor* field,
                                         std::vector<std::string>& order) {
    std::map<std::string, int> keys;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      std::string key = absl::StrCat(i);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        const Message& element = message.GetReflection()->GetRepeatedMessage(message, field, i);
        if (const FieldDescriptor* id = element.GetDescriptor()->FindFieldByName("id")) key = TextOf(element, id);
      }
      order.push_back(key);
      keys[key] = i;
    }
    return keys;
  }
  void CompareLists(const Message& before, const Message& after, const FieldDescriptor* field,
                    const std::string& name) {
    std::vector<std::string> old_order;
    std::vector<std::string> order;
    const std::map<std::string, int> old_keys = Keys(before, field, old_order);
    const std::map<std::string, int> keys = Keys(after, field, order);
    std::vector<std::string> kept_before;
    std::vector<std::string> kept_after;
    for (const std::string& key : old_order) {
      const std::string at = absl::StrCat(name, "[", key, "]");
      const auto found = keys.find(key);
      if (found == keys.end()) {
        Add(at, TextOf(before, field, old_keys.at(key)), "");
        continue;
      }
      kept_before.push_back(key);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Compare(before.GetReflection()->GetRepeatedMessage(before, field, old_keys.at(key)),
                after.GetReflection()->GetRepeatedMessage(after, field, found->second), at + ".");
      } else {
        Add(at, TextOf(before, field, old_keys.at(key)), TextOf(after, field, found->second));
      }
    }
    for (const std::string& key : order) {
      if (old_keys.contains(key)) {
        kept_after.push_back(key);
      } else {
        Add(absl::StrCat(name, "[", key, "]"), "", TextOf(after, field, keys.at(key)));
      }
    }
    // The order matters: exceptions apply one after another.
    if (kept_before != kept_after) Add(name, absl::StrJoin(kept_before, " "), absl::StrJoin(kept_after, " "));
  }

  std::vector<v1::ScorecardDifference> out_;
};

}  // namespace

std::vector<v1::ScorecardDifference> DifferencesOf(const Message& before, const Message& after) {
  Differences differences;
  differences.Compare(before, after, "");
  return differences.Take();
}

}  // namespace perennial::health
