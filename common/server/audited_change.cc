#include "common/server/audited_change.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace perennial {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Methods that begin so change nothing, or what they change is no resource.
constexpr absl::string_view kNotAudited[] = {"Get",      "BatchGet", "List",     "Watch",    "Explain",      "Validate",
                                             "Project",  "Diff",     "Preview",  "Export",   "Simulate",     "Backtest",  "Calibrate",
                                             "WriteRecords", "StreamRecords", "CreateBackup", "WriteAuditEntries"};

std::string TextOf(const Message& message, const char* name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr || field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_STRING) return {};
  return message.GetReflection()->GetString(message, field);
}

bool IsTrue(const Message& message, const char* name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  return field != nullptr && !field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL &&
         message.GetReflection()->GetBool(message, field);
}

// "goal_id" and "accounts/acme" give "accounts/acme/goals/q3".
std::string NewResourceOf(const Message& request) {
  for (int i = 0; i < request.GetDescriptor()->field_count(); ++i) {
    const std::string& name = request.GetDescriptor()->field(i)->name();
    if (!absl::EndsWith(name, "_id") || name == "request_id") continue;
    const std::string id = TextOf(request, name.c_str());
    const std::string parent = TextOf(request, "parent");
    if (id.empty()) return parent;
    std::string collection;
    bool capital = false;
    for (const char c : absl::StripSuffix(name, "_id")) {
      if (c != '_') collection.push_back(capital ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c);
      capital = c == '_';
    }
    return absl::StrCat(parent, parent.empty() ? "" : "/", collection, "s/", id);
  }
  return TextOf(request, "parent");
}

// Whether a request asks what would happen only: `validate_only`, or an `apply` that is not set.
bool OnlyTries(const Message& request) {
  return IsTrue(request, "validate_only") ||
         (request.GetDescriptor()->FindFieldByName("apply") != nullptr && !IsTrue(request, "apply"));
}

// The resource that the call answered with; nothing of one that it deleted; else what was asked for.
std::string NewValueOf(const CallInfo& call, const Message& response) {
  const google::protobuf::Descriptor& type = *response.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    if (field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const Message& part = response.GetReflection()->GetMessage(response, field);
    if (!TextOf(part, "name").empty()) return AuditedJson(part);
  }
  if (absl::StrContains(call.method, "/Delete")) return {};
  // A list tells what became of each, as of accounts that were assigned; a count does not.
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    if (field->is_repeated() && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return AuditedJson(response);
  }
  return AuditedJson(*call.request);
}

std::function<void(AuditedChange)>& Sink() {
  static auto& sink = *new std::function<void(AuditedChange)>();
  return sink;
}

}  // namespace

bool IsAudited(absl::string_view method) {
  const absl::string_view name = method.substr(method.rfind('/') + 1);
  return std::none_of(std::begin(kNotAudited), std::end(kNotAudited), [&](absl::string_view word) {
    return absl::StartsWith(name, word) &&
           (name.size() == word.size() || (name[word.size()] >= 'A' && name[word.size()] <= 'Z'));
  });
}

std::string ResourceOf(const Message& request) {
  for (const char* field : {"name", "account", "segment"}) {
    if (std::string name = TextOf(request, field); !name.empty()) return name;
  }
  const std::string created = NewResourceOf(request);
  if (!created.empty()) return created;
  for (int i = 0; i < request.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = request.GetDescriptor()->field(i);
    if (field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const Message& part = request.GetReflection()->GetMessage(request, field);
    if (std::string name = TextOf(part, "name"); !name.empty()) return name;
    if (std::string name = TextOf(part, "account"); !name.empty()) return name;
  }
  return {};
}

std::string AuditedJson(const Message& message) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return {};
  if (json.size() <= kMostAuditedBytes) return json;
  std::size_t end = kMostAuditedBytes - 3;
  while (end > 0 && (static_cast<unsigned char>(json[end]) & 0xC0) == 0x80) --end;  // not within a character
  return absl::StrCat(json.substr(0, end), "...");
}

AuditedChange ChangeBy(const CallInfo& call, absl::Time now) {
  thread_local absl::BitGen random;
  return {.id = absl::StrFormat("%016x%016x", absl::Uniform<std::uint64_t>(random), absl::Uniform<std::uint64_t>(random)),
          .time = now,
          .caller = call.caller.empty() ? "anonymous" : call.caller,
          .method = call.method,
          .resource = ResourceOf(*call.request),
          .old_value = {},
          .new_value = {},
          .trace_id = std::string(call.trace_id())};
}

void SetAuditSink(std::function<void(AuditedChange)> sink) { Sink() = std::move(sink); }

void NoteOldValue(const Message& resource) {
  const CallInfo* const call = CurrentCall();
  if (call != nullptr && Sink() != nullptr) call->old_value = AuditedJson(resource);
}

void NoteHandled(const CallInfo& call, const Message& response) {
  if (Sink() == nullptr || OnlyTries(*call.request)) return;
  AuditedChange change = ChangeBy(call, absl::Now());
  change.old_value = call.old_value;
  change.new_value = NewValueOf(call, response);
  if (!change.old_value.empty() && change.new_value == change.old_value) return;
  Sink()(std::move(change));
}

}  // namespace perennial
