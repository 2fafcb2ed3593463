#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial {

// OK when `id` may name an account or a subscription: 1 to 128 of A-Z a-z 0-9 . _ ~ -, starting with a letter or digit.
absl::Status CheckId(absl::string_view id);

// OK when `id` may name a configured resource (segment, rule): 1 to 63 of a-z 0-9 -, starting with a letter, not ending
// with "-" (RFC 1034).
absl::Status CheckSlug(absl::string_view id);

// OK when `key` may name a metric, attribute or step: 1 to 64 of a-z 0-9 _, starting with a letter.
absl::Status CheckKey(absl::string_view key);

// The id in "<collection>/<id>", for example IdOf("accounts/acme", "accounts"). INVALID_ARGUMENT with a sentence that
// completes "<field> ...".
absl::StatusOr<std::string> IdOf(absl::string_view name, absl::string_view collection);

struct ChildName {
  std::string parent;
  std::string child;
};
// The ids in "<collection>/<id>/<children>/<id>".
absl::StatusOr<ChildName> ChildOf(absl::string_view name, absl::string_view collection, absl::string_view children);

}  // namespace perennial
