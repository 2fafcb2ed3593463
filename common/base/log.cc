#include "common/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/call_info.h"

namespace perennial {
namespace {

std::string& ServiceName() {
  static std::string& name = *new std::string("perennial");
  return name;
}

spdlog::logger& Sink() {
  static auto& logger = [&]() -> auto& {
    auto* made = new spdlog::logger("json", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    return *made;
  }();
  return logger;
}

const char* NameOf(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "error";
}

}  // namespace

void InitializeLog(absl::string_view service) { ServiceName() = std::string(service); }

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  nlohmann::ordered_json line;
  line["ts"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone());
  line["level"] = NameOf(level);
  line["service"] = ServiceName();
  line["msg"] = std::string(message);
  if (const CallInfo* const call = CurrentCall(); call != nullptr) {
    line["method"] = call->method;
    if (!call->trace_id().empty()) line["trace_id"] = std::string(call->trace_id());
    if (!call->span_id().empty()) line["span_id"] = std::string(call->span_id());
    if (!call->caller.empty()) line["caller"] = call->caller;
  }
  for (const auto& [key, value] : fields) line[std::string(key)] = value;
  Sink().log(spdlog::level::critical, "{}",
             line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace perennial
