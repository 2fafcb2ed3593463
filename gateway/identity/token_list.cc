#include "gateway/identity/token_list.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/sha256.h"

namespace perennial::gateway {
namespace {

constexpr std::size_t kMostTokens = 10000;
constexpr std::size_t kDigestBytes = 32;

absl::Status Bad(absl::string_view problem) { return absl::InvalidArgumentError(problem); }

}  // namespace

absl::StatusOr<TokenList::Entry> TokenList::ParseLine(absl::string_view line) {
  const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.size() < 3 || words.size() > 4) return Bad("wants name, role, hash and optionally a time");
  Entry entry;
  if (!IsCallerName(words[0])) return Bad("has a bad name");
  const std::optional<Role> role = RoleOf(words[1]);
  if (!role.has_value()) return Bad("has a role other than viewer, editor and operator");
  const bool hex = std::all_of(words[2].begin(), words[2].end(), absl::ascii_isxdigit);
  if (words[2].size() != 2 * kDigestBytes || !hex) return Bad("has a hash that is not 64 hexadecimal digits");
  entry.caller = {.name = words[0], .role = *role};
  entry.digest = absl::HexStringToBytes(words[2]);
  std::string error;
  if (words.size() == 4 && !absl::ParseTime(absl::RFC3339_full, words[3], &entry.until, &error)) {
    return Bad("has a time that is not like 2030-12-31T23:59:59Z");
  }
  return entry;
}

absl::StatusOr<TokenList> TokenList::Parse(absl::string_view text) {
  TokenList list;
  std::vector<std::string> problems;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    auto entry = ParseLine(line);
    if (entry.ok()) {
      list.entries_.push_back(*std::move(entry));
    } else if (problems.size() < 20) {
      // Never the line itself: somebody may have put the token there.
      problems.push_back(absl::StrCat("line ", number, " ", std::string(entry.status().message())));
    }
  }
  if (list.entries_.size() > kMostTokens) problems.push_back(absl::StrCat("more than ", kMostTokens, " tokens"));
  if (!problems.empty()) return Bad(absl::StrJoin(problems, "; "));
  return list;
}

std::optional<Caller> TokenList::Find(absl::string_view token, absl::Time now) const {
  const std::string digest = Sha256().Add(token).Digest();
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (CRYPTO_memcmp(entry.digest.data(), digest.data(), kDigestBytes) == 0) found = &entry;
  }
  if (found == nullptr || found->until <= now) return std::nullopt;
  return found->caller;
}

}  // namespace perennial::gateway
