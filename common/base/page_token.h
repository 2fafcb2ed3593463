#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace perennial {

// A page token says where the next page starts (a key, never an offset, so that it survives writes) and which request it
// belongs to. `request` is any text that is the same for all pages, such as filter and order.
std::string MakePageToken(absl::string_view cursor, absl::string_view request);

// The cursor in `token`; empty for an empty token. INVALID_ARGUMENT with a sentence that completes "page_token ..." for one
// that was not made by MakePageToken or belongs to another request.
absl::StatusOr<std::string> ReadPageToken(absl::string_view token, absl::string_view request);

// Size of a page by AIP-158: 0 means `standard`, more than `most` means `most`. Negative is INVALID_ARGUMENT with a
// sentence that completes "page_size ...".
absl::StatusOr<int> PageSize(std::int32_t asked, int standard = 50, int most = 1000);

}  // namespace perennial
