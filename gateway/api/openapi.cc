#include "gateway/api/openapi.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/identity/role.h"

namespace perennial::gateway::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;
using Json = nlohmann::ordered_json;

// How protobuf's JSON mapping writes types that are not written as objects.
const std::map<std::string, Json>& WellKnownTypes() {
  static const auto* const types = new std::map<std::string, Json>{
      {"google.protobuf.Timestamp", {{"type", "string"}, {"format", "date-time"}}},
      {"google.protobuf.Duration", {{"type", "string"}, {"examples", {"3.5s"}}}},
      {"google.protobuf.FieldMask", {{"type", "string"}, {"examples", {"displayName,owner"}}}},
      {"google.protobuf.Any", {{"type", "object"}, {"additionalProperties", true}}}};
  return *types;
}

class Writer {
 public:
  Json Write(const ApiDescriptors& api) {
    Json paths = Json::object();
    Json tags = Json::array();
    for (const auto* service : api.services()) {
      bool tagged = false;
      for (int i = 0; i < service->method_count(); ++i) {
        const MethodDescriptor& method = *service->method(i);
        if (method.client_streaming() || PolicyOf(service->full_name(), method.name()).internal) continue;
        if (!std::exchange(tagged, true)) {
          tags.push_back({{"name", service->full_name()}, {"description", CommentLineOf(*service)}});
        }
        paths[absl::StrCat("/", service->full_name(), "/", method.name())]["post"] = Operation(method);
      }
    }
    // Schemas of what was referred to, and of what these refer to.
    while (!wanted_.empty()) {
      const auto wanted = std::move(wanted_);
      wanted_.clear();
      for (const auto& [name, message] : wanted) {
        if (!schemas_.contains(name)) schemas_[name] = Schema(*message);
      }
    }
    schemas_["Error"] = ErrorSchema();
    return {{"openapi", "3.1.0"},
            {"info",
             {{"title", "Perennial"},
              {"version", "v1"},
              {"description", "Customer success: accounts, health and segments. Calls follow the Connect protocol."}}},
            {"tags", std::move(tags)},
            {"paths", std::move(paths)},
            {"components", {{"schemas", std::move(schemas_)}}}};
  }

 private:
  Json Operation(const MethodDescriptor& method) {
    const std::string media = method.server_streaming() ? "application/connect+json" : "application/json";
    Json operation = {{"operationId", absl::StrCat(method.service()->full_name(), ".", method.name())},
                      {"tags", {method.service()->full_name()}},
                      {"description", CommentOf(method)}};
    operation["parameters"] = {{{"name", "Connect-Timeout-Ms"},
                                {"in", "header"},
                                {"description", "Deadline of the call in milliseconds."},
                                {"schema", {{"type", "integer"}, {"minimum", 0}}}}};
    operation["requestBody"] = {{"required", true},
                                {"content", {{media, {{"schema", Reference(*method.input_type())}}}}}};
    operation["responses"]["200"] = {
        {"description",
         method.server_streaming() ? "Messages in envelopes, the last with the outcome." : "The answer."},
        {"content", {{media, {{"schema", Reference(*method.output_type())}}}}}};
    operation["responses"]["default"] = {
        {"description", "An error."},
        {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
    return operation;
  }

  Json Reference(const Descriptor& message) {
    const auto well_known = WellKnownTypes().find(message.full_name());
    if (well_known != WellKnownTypes().end()) return well_known->second;
    wanted_.emplace(message.full_name(), &message);
    return {{"$ref", absl::StrCat("#/components/schemas/", message.full_name())}};
  }

  Json Schema(const Descriptor& message) {
    Json schema = {{"type", "object"}, {"description", CommentOf(message)}};
    Json properties = Json::object();
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      Json property = Field(field);
      std::string comment = CommentOf(field);
      if (field.real_containing_oneof() != nullptr) {
        absl::StrAppend(&comment, comment.empty() ? "" : " ", "(One of `", field.real_containing_oneof()->name(),
                        "`.)");
      }
      if (!comment.empty()) property["description"] = comment;
      properties[field.json_name()] = std::move(property);
    }
    schema["properties"] = std::move(properties);
    schema["additionalProperties"] = false;
    return schema;
  }

  Json Field(const FieldDescriptor& field) {
    if (field.is_map()) {
      return {{"type", "object"}, {"additionalProperties", Single(*field.message_type()->map_value())}};
    }
    if (field.is_repeated()) return {{"type", "array"}, {"items", Single(field)}};
    return Single(field);
  }

  Json Single(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL: return {{"type", "boolean"}};
      case FieldDescriptor::CPPTYPE_INT32:
      case FieldDescriptor::CPPTYPE_UINT32: return {{"type", "integer"}, {"format", "int32"}};
      // As text, because many JSON parsers have no integers of 64 bits; numbers are taken too.
      case FieldDescriptor::CPPTYPE_INT64:
      case FieldDescriptor::CPPTYPE_UINT64: return {{"type", {"string", "integer"}}, {"format", "int64"}};
      case FieldDescriptor::CPPTYPE_FLOAT:
      case FieldDescriptor::CPPTYPE_DOUBLE: return {{"type", "number"}, {"format", "double"}};
      case FieldDescriptor::CPPTYPE_ENUM: return Enumeration(*field.enum_type());
      case FieldDescriptor::CPPTYPE_MESSAGE: return Reference(*field.message_type());
      case FieldDescriptor::CPPTYPE_STRING:
        if (field.type() == FieldDescriptor::TYPE_BYTES) return {{"type", "string"}, {"contentEncoding", "base64"}};
        return {{"type", "string"}};
    }
    return Json::object();
  }

  static Json Enumeration(const EnumDescriptor& type) {
    Json values = Json::array();
    for (int i = 0; i < type.value_count(); ++i) values.push_back(type.value(i)->name());
    return {{"type", "string"}, {"enum", std::move(values)}};
  }

  static Json ErrorSchema() {
    Json detail = {
        {"type", "object"},
        {"properties",
         {{"type",
           {{"type", "string"}, {"description", "Name of the detail's type, for example google.rpc.BadRequest."}}},
          {"value", {{"type", "string"}, {"description", "The detail, binary protobuf in base64."}}},
          {"debug", {{"type", "object"}, {"description", "The detail in JSON, for people."}}}}}};
    return {{"type", "object"},
            {"properties",
             {{"code", {{"type", "string"}, {"examples", {"invalid_argument"}}}},
              {"message", {{"type", "string"}}},
              {"details", {{"type", "array"}, {"items", std::move(detail)}}}}},
            {"required", {"code"}}};
  }

  std::map<std::string, const Descriptor*> wanted_;
  Json schemas_ = Json::object();
};

}  // namespace

std::string OpenApiJson(const ApiDescriptors& api) { return Writer().Write(api).dump(1) + "\n"; }

}  // namespace perennial::gateway::api
