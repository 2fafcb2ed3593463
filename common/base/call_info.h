#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace perennial {

// What is known of the call that a thread works for.
struct CallInfo {
  // Who calls, as the gateway established it; empty when nobody did.
  std::string caller;
  // W3C traceparent of the call, whose span is the one of this process where it has one; empty when there is none.
  std::string traceparent;
  // W3C tracestate that came with it; empty when there is none.
  std::string tracestate = {};
  // "package.Service/Method".
  std::string method;
  // What is asked for; null when unknown.
  const google::protobuf::Message* request = nullptr;
  // Whether this process tells the audit trail of what the call changes. Not of the copy of a call that another replica tells of.
  bool audited = false;
  // For the audit trail (common/server/audited_change.h), of the call's thread only: what it changes, as it was before and as it is
  // now, as JSON; the id of the entry, once that is kept beside the change; and whether the change is stored.
  mutable std::string old_value = {};
  mutable std::string new_value = {};
  mutable std::string change_id = {};
  mutable bool changed = false;

  // The 32 hexadecimal digits of the trace; empty without one.
  [[nodiscard]] absl::string_view trace_id() const {
    return traceparent.size() < 35 ? absl::string_view() : absl::string_view(traceparent).substr(3, 32);
  }
  // The 16 of the span.
  [[nodiscard]] absl::string_view span_id() const {
    return traceparent.size() < 52 ? absl::string_view() : absl::string_view(traceparent).substr(36, 16);
  }
};

namespace internal {
inline thread_local const CallInfo* current_call = nullptr;
}

// The call that this thread works for at the moment; null when it works for none.
inline const CallInfo* CurrentCall() { return internal::current_call; }

// Says for its life which call this thread works for. `info` must outlive it.
class CallScope {
 public:
  explicit CallScope(const CallInfo& info) : before_(internal::current_call) { internal::current_call = &info; }
  ~CallScope() { internal::current_call = before_; }
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  const CallInfo* const before_;
};

}  // namespace perennial
