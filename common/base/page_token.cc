#include "common/base/page_token.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"

namespace perennial {
namespace {

constexpr std::size_t kHashDigits = 16;

std::string Seal(absl::string_view cursor, absl::string_view request) {
  return absl::StrCat(absl::Hex(Fnv1a64(cursor, Fnv1a64(request)), absl::kZeroPad16));
}

}  // namespace

std::string MakePageToken(absl::string_view cursor, absl::string_view request) {
  return absl::WebSafeBase64Escape(absl::StrCat(Seal(cursor, request), cursor));
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view token, absl::string_view request) {
  if (token.empty()) return std::string();
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text) || text.size() < kHashDigits ||
      text.substr(0, kHashDigits) != Seal(text.substr(kHashDigits), request)) {
    return absl::InvalidArgumentError(
        "is not a token of this request; send the token of the last answer and change no other field");
  }
  return text.substr(kHashDigits);
}

absl::StatusOr<int> PageSize(std::int32_t asked, int standard, int most) {
  if (asked < 0) return absl::InvalidArgumentError("must not be negative");
  return asked == 0 ? standard : std::min<int>(asked, most);
}

}  // namespace perennial
