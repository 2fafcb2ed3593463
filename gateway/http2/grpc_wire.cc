#include "gateway/http2/grpc_wire.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gateway/http2/http2_connection.h"

namespace perennial::gateway::http2 {
namespace {

constexpr std::int64_t kMostTimeout = 99999999;  // eight digits

std::chrono::nanoseconds UnitOf(char unit) {
  switch (unit) {
    case 'H': return std::chrono::hours(1);
    case 'M': return std::chrono::minutes(1);
    case 'S': return std::chrono::seconds(1);
    case 'm': return std::chrono::milliseconds(1);
    case 'u': return std::chrono::microseconds(1);
    case 'n': return std::chrono::nanoseconds(1);
    default: return std::chrono::nanoseconds(0);
  }
}

}  // namespace

std::optional<std::chrono::nanoseconds> ParseGrpcTimeout(absl::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  const std::chrono::nanoseconds unit = UnitOf(text.back());
  text.remove_suffix(1);
  std::int64_t number = 0;
  if (unit.count() == 0 || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  // Eight digits of hours are more than nanoseconds can count.
  const std::int64_t most = std::chrono::nanoseconds::max().count() / unit.count();
  return unit * std::min(number, most);
}

std::string PrintGrpcTimeout(std::chrono::nanoseconds timeout) {
  const std::int64_t milliseconds = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  if (milliseconds <= kMostTimeout) return absl::StrCat(std::max<std::int64_t>(1, milliseconds), "m");
  return absl::StrCat(std::min(kMostTimeout, std::chrono::ceil<std::chrono::seconds>(timeout).count()), "S");
}

std::string EncodeGrpcMessage(absl::string_view message) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    if (c >= 0x20 && c <= 0x7e && c != '%') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

std::string DecodeGrpcMessage(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() &&
                         absl::ascii_isxdigit(text[i + 1]) && absl::ascii_isxdigit(text[i + 2]);
    if (!escaped) {
      out.push_back(text[i]);
      continue;
    }
    out += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return out;
}

std::string EncodeGrpcBinary(absl::string_view bytes) {
  std::string out = absl::Base64Escape(bytes);
  while (!out.empty() && out.back() == '=') out.pop_back();
  return out;
}

std::string DecodeGrpcBinary(absl::string_view text) {
  std::string out;
  return absl::Base64Unescape(text, &out) ? out : std::string();
}

int GrpcTrailers::code() const {
  int number = 0;
  if (!absl::SimpleAtoi(status, &number) || number < 0 || number > 16) return grpc::StatusCode::UNKNOWN;
  return number;
}

grpc::Status GrpcTrailers::Decode() const {
  if (ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(code()), DecodeGrpcMessage(message), DecodeGrpcBinary(details)};
}

GrpcTrailers GrpcTrailers::Of(const grpc::Status& status) {
  return {.status = absl::StrCat(static_cast<int>(status.error_code())),
          .message = EncodeGrpcMessage(status.error_message()),
          .details = EncodeGrpcBinary(status.error_details())};
}

grpc::Status StatusOfHttp(absl::string_view http_status) {
  const std::string message = absl::StrCat("the service answered with HTTP status ", http_status);
  if (http_status == "400") return {grpc::StatusCode::INTERNAL, message};
  if (http_status == "401") return {grpc::StatusCode::UNAUTHENTICATED, message};
  if (http_status == "403") return {grpc::StatusCode::PERMISSION_DENIED, message};
  if (http_status == "404") return {grpc::StatusCode::UNIMPLEMENTED, message};
  if (http_status == "429" || http_status == "502" || http_status == "503" || http_status == "504") {
    return {grpc::StatusCode::UNAVAILABLE, message};
  }
  return {grpc::StatusCode::UNKNOWN, message};
}

grpc::Status StatusOfReset(std::uint32_t error) {
  switch (error) {
    case Http2Stream::kLost:
    case NGHTTP2_REFUSED_STREAM: return {grpc::StatusCode::UNAVAILABLE, ""};
    case NGHTTP2_CANCEL: return {grpc::StatusCode::CANCELLED, ""};
    case NGHTTP2_ENHANCE_YOUR_CALM: return {grpc::StatusCode::RESOURCE_EXHAUSTED, "the service is asked too much"};
    case NGHTTP2_INADEQUATE_SECURITY: return {grpc::StatusCode::PERMISSION_DENIED, "the service wants more security"};
    default: return {grpc::StatusCode::INTERNAL, absl::StrCat("the service reset the stream with code ", error)};
  }
}

std::size_t GrpcMessageSize(absl::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  return byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4);
}

}  // namespace perennial::gateway::http2
