#include "common/server/audited_change.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"

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
  if (!call.new_value.empty()) return call.new_value;
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

// Entries that were kept by calls which are not told of yet.
struct BeingHandled {
  Mutex mu;
  absl::flat_hash_set<std::string> ids ABSL_GUARDED_BY(mu);
};

BeingHandled& Calls() {
  static auto& calls = *new BeingHandled();
  return calls;
}

// The call has kept an entry, which is not needed any more from now on.
class ForgetAtEnd {
 public:
  explicit ForgetAtEnd(const CallInfo& call) : call_(call) {}
  ~ForgetAtEnd() {
    if (call_.change_id.empty()) return;
    const MutexLock lock(Calls().mu);
    Calls().ids.erase(call_.change_id);
  }
  ForgetAtEnd(const ForgetAtEnd&) = delete;
  ForgetAtEnd& operator=(const ForgetAtEnd&) = delete;

 private:
  const CallInfo& call_;
};

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

void NoteNewValue(const Message& resource) {
  const CallInfo* const call = CurrentCall();
  if (call != nullptr && Sink() != nullptr) call->new_value = AuditedJson(resource);
}

std::optional<AuditedChange> ChangeToKeep() {
  const CallInfo* const call = CurrentCall();
  if (call == nullptr || !call->audited || call->request == nullptr || Sink() == nullptr) return std::nullopt;
  AuditedChange change = ChangeBy(*call, absl::Now());
  change.old_value = call->old_value;
  if (!absl::StrContains(call->method, "/Delete")) change.new_value = AuditedJson(*call->request);
  if (!call->change_id.empty()) {
    change.id = call->change_id;
    return change;
  }
  call->change_id = change.id;
  const MutexLock lock(Calls().mu);
  Calls().ids.insert(change.id);
  return change;
}

void NoteStored() {
  if (const CallInfo* const call = CurrentCall(); call != nullptr) call->changed = true;
}

bool IsBeingHandled(const std::string& id) {
  const MutexLock lock(Calls().mu);
  return Calls().ids.contains(id);
}

bool SendKept(AuditedChange change) {
  if (Sink() == nullptr) return false;
  Sink()(std::move(change));
  return true;
}

void NoteHandled(const CallInfo& call, const Message* response) {
  const ForgetAtEnd forget(call);
  if (Sink() == nullptr || OnlyTries(*call.request) || (response == nullptr && !call.changed)) return;
  AuditedChange change = ChangeBy(call, absl::Now());
  if (!call.change_id.empty()) change.id = call.change_id;
  change.old_value = call.old_value;
  // One that failed after it had stored something does not say how that is now.
  change.new_value = response == nullptr ? AuditedJson(*call.request) : NewValueOf(call, *response);
  if (!change.old_value.empty() && change.new_value == change.old_value) return;
  Sink()(std::move(change));
}

}  // namespace perennial
