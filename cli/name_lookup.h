#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cli/client.h"
#include "common/base/resource_name.h"

namespace perennial::cli {

// The resource name of the one account that people call `display_name`. NOT_FOUND when there is none (the message names
// some that begin alike), FAILED_PRECONDITION when there are several (the message lists them).
absl::StatusOr<std::string> FindByDisplayName(const Client& client, absl::string_view display_name);

// What `read` (resource name → absl::StatusOr<T>) answers about the account that `text` means: "accounts/<id>", an id,
// or, when no account has that id, a display name.
template <class Read>
auto ReadAccount(const Client& client, const std::string& text, const Read& read) -> decltype(read(std::string())) {
  const std::string name = text.rfind("accounts/", 0) == 0 ? text : absl::StrCat("accounts/", text);
  if (IdOf(name, "accounts").ok()) {
    auto answer = read(name);
    if (answer.status().code() != absl::StatusCode::kNotFound) return answer;
  }
  absl::StatusOr<std::string> found = FindByDisplayName(client, text);
  if (!found.ok()) return found.status();
  return read(*found);
}

}  // namespace perennial::cli
