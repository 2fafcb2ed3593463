#include "gateway/http/connect_protocol.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <google/rpc/status.pb.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/error_details.h"

namespace perennial::gateway::http {
namespace {

struct CodeEntry {
  grpc::StatusCode code;
  absl::string_view name;
  int http_status;
};

constexpr CodeEntry kCodes[] = {
    {grpc::StatusCode::CANCELLED, "canceled", 499},
    {grpc::StatusCode::UNKNOWN, "unknown", 500},
    {grpc::StatusCode::INVALID_ARGUMENT, "invalid_argument", 400},
    {grpc::StatusCode::DEADLINE_EXCEEDED, "deadline_exceeded", 504},
    {grpc::StatusCode::NOT_FOUND, "not_found", 404},
    {grpc::StatusCode::ALREADY_EXISTS, "already_exists", 409},
    {grpc::StatusCode::PERMISSION_DENIED, "permission_denied", 403},
    {grpc::StatusCode::RESOURCE_EXHAUSTED, "resource_exhausted", 429},
    {grpc::StatusCode::FAILED_PRECONDITION, "failed_precondition", 400},
    {grpc::StatusCode::ABORTED, "aborted", 409},
    {grpc::StatusCode::OUT_OF_RANGE, "out_of_range", 400},
    {grpc::StatusCode::UNIMPLEMENTED, "unimplemented", 501},
    {grpc::StatusCode::INTERNAL, "internal", 500},
    {grpc::StatusCode::UNAVAILABLE, "unavailable", 503},
    {grpc::StatusCode::DATA_LOSS, "data_loss", 500},
    {grpc::StatusCode::UNAUTHENTICATED, "unauthenticated", 401},
};

const CodeEntry& EntryOf(grpc::StatusCode code) {
  const auto* const found =
      std::find_if(std::begin(kCodes), std::end(kCodes), [&](const CodeEntry& entry) { return entry.code == code; });
  return found != std::end(kCodes) ? *found : kCodes[1];
}

// A detail for people, where its type is one of ours or Google's.
std::optional<nlohmann::json> Debug(const google::protobuf::Any& detail, const std::string& type) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return std::nullopt;
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  std::string json;
  if (!message->ParseFromString(detail.value()) || !google::protobuf::util::MessageToJsonString(*message, &json).ok()) {
    return std::nullopt;
  }
  return nlohmann::json::parse(json, nullptr, false);
}

nlohmann::json ErrorOf(const grpc::Status& status) {
  nlohmann::json error = {{"code", std::string(CodeName(status.error_code()))}};
  if (!status.error_message().empty()) error["message"] = status.error_message();
  google::rpc::Status rpc;
  if (!rpc.ParseFromString(status.error_details())) return error;
  for (const auto& any : rpc.details()) {
    const std::vector<std::string> parts = absl::StrSplit(any.type_url(), '/');
    nlohmann::json detail = {{"type", parts.back()}};
    std::string value;
    absl::Base64Escape(any.value(), &value);
    detail["value"] = std::string(absl::StripSuffix(absl::StripSuffix(value, "="), "="));
    if (auto debug = Debug(any, parts.back()); debug.has_value()) detail["debug"] = *std::move(debug);
    error["details"].push_back(std::move(detail));
  }
  return error;
}

// A message from a service may hold any bytes; JSON may not.
std::string Dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::optional<ContentType> ParseContentType(absl::string_view value) {
  const std::vector<absl::string_view> parts = absl::StrSplit(value, ';');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string parameter = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[i]));
    if (parameter != "charset=utf-8" && parameter != "charset=\"utf-8\"") return std::nullopt;
  }
  const std::string type = absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts[0]));
  for (const bool streaming : {false, true}) {
    for (const Codec codec : {Codec::kJson, Codec::kProto}) {
      const ContentType candidate{.codec = codec, .streaming = streaming};
      if (type == ToString(candidate)) return candidate;
    }
  }
  return std::nullopt;
}

std::string ToString(ContentType type) {
  return absl::StrCat("application/", type.streaming ? "connect+" : "", type.codec == Codec::kJson ? "json" : "proto");
}

int HttpStatusOf(grpc::StatusCode code) { return EntryOf(code).http_status; }

absl::string_view CodeName(grpc::StatusCode code) { return EntryOf(code).name; }

std::string ErrorJson(const grpc::Status& status) { return Dump(ErrorOf(status)); }

absl::StatusOr<absl::Duration> ParseTimeout(absl::string_view value) {
  std::int64_t milliseconds = 0;
  const bool digits =
      !value.empty() && value.size() <= 10 && std::all_of(value.begin(), value.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(value, &milliseconds)) {
    return BadField("Connect-Timeout-Ms", "must be 1 to 10 digits");
  }
  return absl::Milliseconds(milliseconds);
}

std::string Envelope(std::uint8_t flags, absl::string_view message) {
  std::string envelope(kEnvelopeBytes, '\0');
  envelope[0] = static_cast<char>(flags);
  for (int i = 0; i < 4; ++i) envelope[static_cast<std::size_t>(4 - i)] = static_cast<char>(message.size() >> (8 * i));
  return absl::StrCat(envelope, message);
}

absl::StatusOr<absl::string_view> OnlyMessageOf(absl::string_view body) {
  const auto bad = [] { return BadField("body", "must be one message in an envelope of five bytes"); };
  if (body.size() < kEnvelopeBytes) return bad();
  std::uint64_t length = 0;
  for (std::size_t i = 1; i < kEnvelopeBytes; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
  if (body[0] == kCompressedFlag) return absl::UnimplementedError("compressed messages are not taken");
  if (body[0] != 0 || length != body.size() - kEnvelopeBytes) return bad();
  return body.substr(kEnvelopeBytes);
}

std::string EndOfStream(const grpc::Status& status) {
  nlohmann::json end = nlohmann::json::object();
  if (!status.ok()) end["error"] = ErrorOf(status);
  return Envelope(kEndFlag, Dump(end));
}

}  // namespace perennial::gateway::http
