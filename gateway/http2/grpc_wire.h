#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace perennial::gateway::http2 {

// How gRPC says things in HTTP/2 (its PROTOCOL-HTTP2.md).

// "grpc-timeout", for example "250m"; absent where it is not one.
std::optional<std::chrono::nanoseconds> ParseGrpcTimeout(absl::string_view text);
// In milliseconds, at least one, at most eight digits.
std::string PrintGrpcTimeout(std::chrono::nanoseconds timeout);

// "grpc-message": percent-encoded.
std::string EncodeGrpcMessage(absl::string_view message);
std::string DecodeGrpcMessage(absl::string_view text);
// "grpc-status-details-bin": base64, with or without padding. What is no base64 is empty.
std::string EncodeGrpcBinary(absl::string_view bytes);
std::string DecodeGrpcBinary(absl::string_view text);

// What a call ended with, as it is written.
struct GrpcTrailers {
  std::string status;   // of "grpc-status"; empty: there was none
  std::string message;  // encoded
  std::string details;  // encoded

  [[nodiscard]] bool ok() const { return status == "0"; }
  [[nodiscard]] int code() const;
  [[nodiscard]] grpc::Status Decode() const;
  static GrpcTrailers Of(const grpc::Status& status);
};

// What gRPC makes of an answer that is not its own, and of a stream that was reset.
grpc::Status StatusOfHttp(absl::string_view http_status);
grpc::Status StatusOfReset(std::uint32_t error);

// The size of a message's frame: a byte that says whether it is compressed, four of its length.
inline constexpr std::size_t kGrpcFrame = 5;
// Length of the message whose frame begins `bytes`, which are at least kGrpcFrame.
std::size_t GrpcMessageSize(absl::string_view bytes);

}  // namespace perennial::gateway::http2
