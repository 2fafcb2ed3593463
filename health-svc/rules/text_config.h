#pragma once

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace perennial::health {

// Keeps the first error of a text-format parser, in words.
class FirstTextError final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", message);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Reads a message from protobuf's text format. INVALID_ARGUMENT with line and column.
template <class Message>
absl::StatusOr<Message> ParseTextConfig(const std::string& text) {
  Message message;
  FirstTextError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(text, &message)) return absl::InvalidArgumentError(error.text());
  return message;
}

}  // namespace perennial::health
