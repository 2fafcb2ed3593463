#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace perennial::gateway {

// What a caller may do; each may do what those before it may.
enum class Role {
  kNone,      // nothing
  kViewer,    // read
  kEditor,    // change accounts and what is recorded of them
  kOperator,  // change how things are computed, purge, back up
};

// "viewer", "editor" and "operator"; nothing for other names.
std::optional<Role> RoleOf(absl::string_view name);
absl::string_view NameOf(Role role);

// How much it costs to refuse a method, and what it costs to serve it: under load the first are refused first.
enum class Priority {
  kBulk,   // lists, exports, analyses: dear, and can come again later
  kRead,   // one thing at a time
  kWrite,  // what would be lost if the caller gave up
};

// What calling a method takes. Read from its name, so that a new method needs nothing here: one that begins with a word of
// reading ("Get", "List", "Watch", "BatchGet" and the like) is a viewer's, and any other an editor's, unless a table says
// otherwise.
struct MethodPolicy {
  Role role = Role::kEditor;
  Priority priority = Priority::kWrite;
  // It changes nothing, so it may be sent again.
  bool reads = false;
  // It is for the services among themselves: a client is told that it does not exist.
  bool internal = false;
};

// `service` is a full name, for example "perennial.accounts.v1.AccountService".
MethodPolicy PolicyOf(absl::string_view service, absl::string_view method);

}  // namespace perennial::gateway
