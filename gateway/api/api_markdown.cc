#include "gateway/api/api_markdown.h"

#include <google/protobuf/descriptor.pb.h>

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace perennial::gateway::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// As Markdown makes anchors of headings.
std::string Anchor(const std::string& name) { return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{".", ""}}); }

std::string Cell(std::string text) { return absl::StrReplaceAll(text, {{"|", "\\|"}}); }

class Writer {
 public:
  std::string Write(const ApiDescriptors& api) {
    out_ =
        "# API\n\nMade from the protos' comments by `build/release/bin/api_docs docs/api.md`; a test fails when it is "
        "not "
        "up to date.\nHow to call it: docs/clients.md.\n\n";
    for (const auto* service : api.services()) {
      absl::StrAppend(&out_, "- [", service->full_name(), "](#", Anchor(service->full_name()), ")\n");
    }
    for (const auto* service : api.services()) WriteService(*service);
    out_ += "\n# Messages\n";
    for (const auto& [name, message] : messages_) WriteMessage(*message);
    out_ += "\n# Enumerations\n";
    for (const auto& [name, type] : enums_) WriteEnum(*type);
    return out_;
  }

 private:
  void WriteService(const google::protobuf::ServiceDescriptor& service) {
    absl::StrAppend(&out_, "\n## ", service.full_name(), "\n\n", CommentOf(service), "\n");
    for (int i = 0; i < service.method_count(); ++i) {
      const auto& method = *service.method(i);
      Collect(*method.input_type());
      Collect(*method.output_type());
      absl::StrAppend(&out_, "\n### ", method.name(), "\n\n", method.client_streaming() ? "stream of " : "",
                      Link(method.input_type()->full_name()), " → ", method.server_streaming() ? "stream of " : "",
                      Link(method.output_type()->full_name()), "\n\n", CommentOf(method), "\n");
    }
  }

  void WriteMessage(const Descriptor& message) {
    absl::StrAppend(&out_, "\n## ", message.full_name(), "\n\n", CommentOf(message), "\n");
    if (message.field_count() == 0) return;
    out_ += "\n| field | type | meaning |\n|---|---|---|\n";
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      absl::StrAppend(&out_, "| `", field.name(), "` | ", TypeOf(field), " | ", Cell(CommentLineOf(field)), " |\n");
    }
  }

  void WriteEnum(const EnumDescriptor& type) {
    absl::StrAppend(&out_, "\n## ", type.full_name(), "\n\n", CommentOf(type), "\n\n| value | meaning |\n|---|---|\n");
    for (int i = 0; i < type.value_count(); ++i) {
      absl::StrAppend(&out_, "| `", type.value(i)->name(), "` | ", Cell(CommentLineOf(*type.value(i))), " |\n");
    }
  }

  static std::string TypeOf(const FieldDescriptor& field) {
    if (field.is_map()) {
      return absl::StrCat("map of ", Single(*field.message_type()->map_key()), " to ",
                          Single(*field.message_type()->map_value()));
    }
    std::string type = Single(field);
    if (field.is_repeated()) return absl::StrCat("list of ", type);
    if (field.real_containing_oneof() != nullptr)
      return absl::StrCat(type, ", one of ", field.real_containing_oneof()->name());
    return field.has_optional_keyword() ? absl::StrCat(type, ", optional") : type;
  }

  static std::string Single(const FieldDescriptor& field) {
    if (field.message_type() != nullptr) return Link(field.message_type()->full_name());
    if (field.enum_type() != nullptr) return Link(field.enum_type()->full_name());
    return field.type_name();
  }

  static std::string Link(const std::string& name) {
    const std::string last = name.substr(name.rfind('.') + 1);
    return absl::StartsWith(name, "perennial.") ? absl::StrCat("[", last, "](#", Anchor(name), ")") : last;
  }

  void Collect(const Descriptor& message) {
    if (!absl::StartsWith(message.full_name(), "perennial.")) return;
    if (!message.options().map_entry() && !messages_.emplace(message.full_name(), &message).second) return;
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      if (field.message_type() != nullptr) Collect(*field.message_type());
      if (field.enum_type() != nullptr) enums_.emplace(field.enum_type()->full_name(), field.enum_type());
    }
  }

  std::string out_;
  std::map<std::string, const Descriptor*> messages_;
  std::map<std::string, const EnumDescriptor*> enums_;
};

}  // namespace

std::string ApiMarkdown(const ApiDescriptors& api) { return Writer().Write(api); }

}  // namespace perennial::gateway::api
