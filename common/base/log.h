#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace perennial {

enum class LogLevel { kInfo, kWarning, kError };
using LogField = std::pair<absl::string_view, std::string>;

// Names the process in every line. Call once, at the start of main.
void InitializeLog(absl::string_view service);

// One JSON object on one line of standard error, with method, trace and caller of the call that the thread works for. No
// payloads, no secrets.
//
//   Log(LogLevel::kInfo, "serving", {{"port", absl::StrCat(port)}});
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace perennial
