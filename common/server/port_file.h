#pragma once

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace perennial {

// Writes "host:port" to a file, for who waits for a server that took a free port: whole or not at all. Does nothing
// without a `path`. UNAVAILABLE when it cannot be written.
inline absl::Status WritePortFile(const std::string& path, const std::string& host, int port) {
  if (path.empty()) return absl::OkStatus();
  const std::string written = path + ".new";
  std::ofstream(written) << host << ":" << port << "\n";
  if (std::rename(written.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path));
}

}  // namespace perennial
