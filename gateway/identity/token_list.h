#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gateway/identity/caller.h"

namespace perennial::gateway {

// Tokens that are known by their hashes. Constant once parsed.
class TokenList {
 public:
  // One token on a line: name, role, the SHA-256 of the token in hexadecimal, and optionally the time (RFC 3339) until which it
  // is good; with spaces between. Lines that begin with # and empty ones say nothing. INVALID_ARGUMENT names every bad line.
  static absl::StatusOr<TokenList> Parse(absl::string_view text);

  // Whose token it is. Takes the same time whichever it is.
  [[nodiscard]] std::optional<Caller> Find(absl::string_view token, absl::Time now) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string digest;  // 32 bytes
    Caller caller;
    absl::Time until = absl::InfiniteFuture();
  };
  static absl::StatusOr<Entry> ParseLine(absl::string_view line);

  std::vector<Entry> entries_;
};

}  // namespace perennial::gateway
