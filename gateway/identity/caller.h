#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "gateway/identity/role.h"

namespace perennial::gateway {

// Who calls.
struct Caller {
  // At most 128 printable ASCII characters without space; empty for somebody who did not have to say.
  std::string name;
  Role role = Role::kNone;
};

// Whether a caller may have this name.
inline bool IsCallerName(absl::string_view name) {
  if (name.empty() || name.size() > 128) return false;
  for (const char c : name) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace perennial::gateway
