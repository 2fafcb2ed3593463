#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/call_info.h"

namespace perennial {

// A change, as the audit trail keeps it (perennial.accounts.v1.AuditEntry).
struct AuditedChange {
  std::string id = {};
  absl::Time time = {};
  std::string caller = {};
  std::string method = {};
  std::string resource = {};
  std::string old_value = {};
  std::string new_value = {};
  std::string trace_id = {};

  bool operator==(const AuditedChange&) const = default;
};

// Largest content of a resource that is kept, in bytes.
constexpr std::size_t kMostAuditedBytes = 64 << 10;

// Whether calls of a method ("package.Service/Method") belong into the audit trail: those that change something, but for
// records that are ingested, which are kept with who sent them.
bool IsAudited(absl::string_view method);

// The name of the resource that a request is about: its `name`, that of the resource in it, or the parent's with the id of the
// new one. Empty when it does not say.
std::string ResourceOf(const google::protobuf::Message& request);

// A resource as JSON, cut where it is too long.
std::string AuditedJson(const google::protobuf::Message& message);

// A change by the call, with an id of its own and without content. `call.request` is there.
AuditedChange ChangeBy(const CallInfo& call, absl::Time now);

// Takes changes that calls of this process have made; must not block. Set once, before calls come; empty: nobody does.
void SetAuditSink(std::function<void(AuditedChange)> sink);

// What the current call (CurrentCall) is about to change, as it is before; for the entry that NoteHandled() makes of it. Does
// nothing where nobody takes changes.
void NoteOldValue(const google::protobuf::Message& resource);
// The same as it is now, where the answer does not tell.
void NoteNewValue(const google::protobuf::Message& resource);

// The entry of what the current call is about to store, to be stored in the same transaction, so that no kill parts them: with what
// was asked for as the new content, as the answer is not there yet. Always the same id for a call, and the one of NoteHandled().
// Nothing for a call that this process does not tell of, where nobody takes changes, and outside of calls.
std::optional<AuditedChange> ChangeToKeep();
// That transaction is committed.
void NoteStored();
// Whether the sink was not yet told of the entry that ChangeToKeep() made: until then it must be kept. Any thread.
bool IsBeingHandled(const std::string& id);
// Tells the sink of an entry that was kept and that it was never told of, as the process was killed; what it knows by its id does
// no harm. False where nobody takes changes.
bool SendKept(AuditedChange change);

// A call has ended: tells the sink of what it changed, with NoteNewValue() as the new content, else the resource that it answered,
// or what was asked for where it answered none; nothing where it deleted one. Does nothing for a call that only tried
// (`validate_only`) or left the resource as it was, and for one that failed (`response` is null) before anything was stored.
void NoteHandled(const CallInfo& call, const google::protobuf::Message* response);

}  // namespace perennial
