#include "tests/faults/matrix.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace perennial::testing {
namespace {

// The body's length that the header names; -1 without one.
long LengthOf(const std::string& header) {
  for (const absl::string_view line : absl::StrSplit(header, "\r\n")) {
    long length = 0;
    if (absl::StartsWithIgnoreCase(line, "content-length:") && absl::SimpleAtoi(line.substr(15), &length)) return length;
  }
  return -1;
}

}  // namespace

void MatrixTest::TearDown() {
  const char* result = IsSkipped() ? "SKIPPED" : HasFailure() ? "FAIL" : "PASS";
  std::printf("#%s %s %s\n", row_.c_str(), result, observed_.c_str());
  if (HasFailure()) std::printf("%s\n", LogsOfTest().c_str());
}

HttpReply SendHttp(int port, const std::string& bytes, std::chrono::seconds longest) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const timeval time{.tv_sec = longest.count(), .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  HttpReply reply;
  std::string read;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    // The other end may answer and close before it has read everything.
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    char buffer[16384];
    std::size_t head = std::string::npos;
    for (;;) {
      head = read.find("\r\n\r\n");
      if (head != std::string::npos) {
        const long length = LengthOf(read.substr(0, head));
        if (length >= 0 && read.size() >= head + 4 + static_cast<std::size_t>(length)) break;
      }
      const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      read.append(buffer, static_cast<std::size_t>(n));
    }
    if (head != std::string::npos && read.size() > 12) {
      reply.status = std::atoi(read.c_str() + 9);
      reply.body = read.substr(head + 4);
    }
  }
  close(fd);
  return reply;
}

HttpReply GetPage(int port, const std::string& path) {
  return SendHttp(port, absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
}

double MetricOf(int port, const std::string& name, const std::string& labels) {
  const HttpReply page = GetPage(port, "/metrics");
  const std::vector<std::string> wanted = absl::StrSplit(labels, ',', absl::SkipEmpty());
  double sum = 0;
  for (const absl::string_view line : absl::StrSplit(page.body, '\n')) {
    if (!absl::StartsWith(line, name) || (line.size() > name.size() && line[name.size()] != '{' && line[name.size()] != ' ')) {
      continue;
    }
    bool all = true;
    for (const std::string& label : wanted) all = all && absl::StrContains(line, label);
    double value = 0;
    if (all && absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) sum += value;
  }
  return sum;
}

}  // namespace perennial::testing
