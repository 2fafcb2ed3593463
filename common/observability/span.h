#pragma once

#include <string>

#include "absl/time/time.h"

namespace perennial {

// A call that a process has answered, as a part of a trace (W3C Trace Context).
struct Span {
  std::string trace_id;   // 32 hexadecimal digits
  std::string span_id;    // 16
  std::string parent_id;  // 16; empty for the first of a trace
  std::string tracestate;
  // Full name, "package.Service", and the method's.
  std::string service;
  std::string method;
  absl::Time start;
  absl::Time end;
  int grpc_code = 0;
};

}  // namespace perennial
