#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace perennial::gateway::http2 {

// A header field; names in lower case.
struct Field {
  absl::string_view name;
  absl::string_view value;
};
using Fields = absl::InlinedVector<Field, 12>;

// As nghttp2 has them; of the same bytes.
inline nghttp2_nv ToNv(absl::string_view name, absl::string_view value) {
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

inline absl::InlinedVector<nghttp2_nv, 12> ToNvs(const Fields& fields) {
  absl::InlinedVector<nghttp2_nv, 12> out;
  for (const Field& field : fields) out.push_back(ToNv(field.name, field.value));
  return out;
}

}  // namespace perennial::gateway::http2
