#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// The Connect protocol (connectrpc.com/docs/protocol), as far as bytes are concerned: unary calls and server streams
// over HTTP/1.1, in JSON or binary protobuf.
namespace perennial::gateway::http {

enum class Codec { kJson, kProto };

// What a request's Content-Type says.
struct ContentType {
  Codec codec = Codec::kJson;
  // Messages come in envelopes ("application/connect+json").
  bool streaming = false;

  bool operator==(const ContentType&) const = default;
};

// Nothing for a type that is not served. Parameters other than charset=utf-8 are refused too.
std::optional<ContentType> ParseContentType(absl::string_view value);
std::string ToString(ContentType type);

// The HTTP status of a unary call that failed.
int HttpStatusOf(grpc::StatusCode code);
// The code's name in JSON, for example "invalid_argument".
absl::string_view CodeName(grpc::StatusCode code);

// {"code": ..., "message": ..., "details": [{"type", "value", "debug"}]}; details are those of the google.rpc.Status in
// the status's details, with a readable "debug" where the type is known.
std::string ErrorJson(const grpc::Status& status);

// The header Connect-Timeout-Ms: 1 to 10 digits.
absl::StatusOr<absl::Duration> ParseTimeout(absl::string_view value);

// Five bytes before each message of a stream: flags and the length, most significant byte first.
constexpr std::size_t kEnvelopeBytes = 5;
constexpr std::uint8_t kCompressedFlag = 1;
constexpr std::uint8_t kEndFlag = 2;
std::string Envelope(std::uint8_t flags, absl::string_view message);
// The one message of a server stream's request. INVALID_ARGUMENT unless `body` is exactly one envelope; UNIMPLEMENTED
// when it is compressed.
absl::StatusOr<absl::string_view> OnlyMessageOf(absl::string_view body);
// The envelope that ends a stream.
std::string EndOfStream(const grpc::Status& status);

}  // namespace perennial::gateway::http
