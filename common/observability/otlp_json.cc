#include "common/observability/otlp_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace perennial {
namespace {

using Json = nlohmann::json;

constexpr int kKindServer = 2;
constexpr int kStatusError = 2;
// UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS: what the conventions hold against a server.
constexpr int kFaultsOfServer[] = {2, 4, 12, 13, 14, 15};

Json Text(const char* key, const std::string& value) { return {{"key", key}, {"value", {{"stringValue", value}}}}; }

// 64-bit numbers are strings in the JSON of protobuf.
std::string Nanoseconds(absl::Time time) { return absl::StrCat(absl::ToUnixNanos(time)); }

Json ToJson(const Span& span) {
  Json out = {{"traceId", span.trace_id},
              {"spanId", span.span_id},
              {"name", absl::StrCat(span.service, "/", span.method)},
              {"kind", kKindServer},
              {"startTimeUnixNano", Nanoseconds(span.start)},
              {"endTimeUnixNano", Nanoseconds(std::max(span.start, span.end))},
              {"attributes",
               {Text("rpc.system", "grpc"), Text("rpc.service", span.service), Text("rpc.method", span.method),
                {{"key", "rpc.grpc.status_code"}, {"value", {{"intValue", absl::StrCat(span.grpc_code)}}}}}}};
  if (!span.parent_id.empty()) out["parentSpanId"] = span.parent_id;
  if (!span.tracestate.empty()) out["traceState"] = span.tracestate;
  const bool fault = std::find(std::begin(kFaultsOfServer), std::end(kFaultsOfServer), span.grpc_code) !=
                     std::end(kFaultsOfServer);
  out["status"] = fault ? Json{{"code", kStatusError}} : Json::object();
  return out;
}

}  // namespace

std::string OtlpJson(const SpanSource& source, const std::vector<Span>& spans) {
  Json list = Json::array();
  for (const Span& span : spans) list.push_back(ToJson(span));
  const Json resource = {{"attributes",
                          {Text("service.name", source.service_name), Text("service.namespace", "perennial"),
                           Text("service.version", source.version), Text("service.instance.id", source.instance)}}};
  Json scope_spans = {{"scope", {{"name", "perennial"}, {"version", source.version}}}, {"spans", std::move(list)}};
  Json resource_spans = {{"resource", resource}, {"scopeSpans", Json::array({std::move(scope_spans)})}};
  return Json{{"resourceSpans", Json::array({std::move(resource_spans)})}}.dump(-1, ' ', false,
                                                                               Json::error_handler_t::replace);
}

std::int64_t RejectedSpans(absl::string_view answer) {
  const Json json = Json::parse(answer.begin(), answer.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("partialSuccess") || !json["partialSuccess"].is_object()) return 0;
  const Json rejected = json["partialSuccess"].value("rejectedSpans", Json());
  std::int64_t count = 0;
  if (rejected.is_number_integer()) count = rejected.get<std::int64_t>();
  if (rejected.is_string() && !absl::SimpleAtoi(rejected.get<std::string>(), &count)) count = 0;
  return std::max<std::int64_t>(count, 0);
}

}  // namespace perennial
