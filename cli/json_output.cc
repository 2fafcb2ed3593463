#include "cli/json_output.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"

namespace perennial::cli {

Json JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions print;
  print.preserve_proto_field_names = true;
  print.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, print);
  // Only a google.protobuf.Any of an unknown type can't be written; its owner leaves it out before.
  if (!status.ok()) return Json{{"error", absl::StrCat("cannot write as JSON: ", status.ToString())}};
  return Json::parse(text);
}

void PrintJson(const GlobalOptions& options, const Json& json) {
  *options.out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

std::string OneLine(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace perennial::cli
