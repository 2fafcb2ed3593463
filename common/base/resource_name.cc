#include "common/base/resource_name.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace perennial {
namespace {

bool IsIdCharacter(char c) { return absl::ascii_isalnum(c) || absl::StrContains("._~-", std::string(1, c)); }
bool IsLowerOrDigit(char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); }

template <class Predicate>
bool All(absl::string_view text, Predicate predicate) {
  for (const char c : text) {
    if (!predicate(c)) return false;
  }
  return true;
}

}  // namespace

absl::Status CheckId(absl::string_view id) {
  if (id.empty()) return absl::InvalidArgumentError("is required");
  if (id.size() > 128 || !absl::ascii_isalnum(id.front()) || !All(id, IsIdCharacter)) {
    return absl::InvalidArgumentError(
        "must be an id of 1 to 128 of A-Z a-z 0-9 . _ ~ - that starts with a letter or digit");
  }
  return absl::OkStatus();
}

absl::Status CheckSlug(absl::string_view id) {
  if (id.empty()) return absl::InvalidArgumentError("is required");
  const auto allowed = [](char c) { return IsLowerOrDigit(c) || c == '-'; };
  if (id.size() > 63 || !absl::ascii_islower(id.front()) || id.back() == '-' || !All(id, allowed)) {
    return absl::InvalidArgumentError(
        "must be an id of 1 to 63 of a-z 0-9 - that starts with a letter and does not end with -");
  }
  return absl::OkStatus();
}

absl::Status CheckKey(absl::string_view key) {
  if (key.empty()) return absl::InvalidArgumentError("is required");
  const auto allowed = [](char c) { return IsLowerOrDigit(c) || c == '_'; };
  if (key.size() > 64 || !absl::ascii_islower(key.front()) || !All(key, allowed)) {
    return absl::InvalidArgumentError("must be 1 to 64 of a-z 0-9 _ and start with a letter");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> IdOf(absl::string_view name, absl::string_view collection) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 2 || parts[0] != collection || !CheckId(parts[1]).ok()) {
    return absl::InvalidArgumentError(absl::StrCat("must look like ", collection, "/{id}"));
  }
  return std::string(parts[1]);
}

absl::StatusOr<ChildName> ChildOf(absl::string_view name, absl::string_view collection, absl::string_view children) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  const std::vector<absl::string_view> parts = absl::StrSplit(name, '/');
  if (parts.size() != 4 || parts[0] != collection || parts[2] != children || !CheckId(parts[1]).ok() ||
      !CheckId(parts[3]).ok()) {
    return absl::InvalidArgumentError(absl::StrCat("must look like ", collection, "/{id}/", children, "/{id}"));
  }
  return ChildName{std::string(parts[1]), std::string(parts[3])};
}

}  // namespace perennial
