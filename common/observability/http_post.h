#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace perennial {

// Where an HTTP request goes.
struct HttpUrl {
  std::string host;
  std::uint16_t port = 0;
  std::string path;
};

// What came back.
struct HttpAnswer {
  int status = 0;
  std::string body;
  // What "Retry-After" says in seconds.
  std::optional<std::chrono::seconds> retry_after;
};

// Posts JSON to one URL over a connection that is kept between posts. One thread at a time may Post(); any may Cancel().
class HttpPoster {
 public:
  explicit HttpPoster(HttpUrl url);
  ~HttpPoster();

  // Blocks, at most for `timeout` and the resolving of the name. UNAVAILABLE when there was no answer.
  absl::StatusOr<HttpAnswer> Post(const std::string& json, std::chrono::milliseconds timeout);
  // Ends a Post() that is under way, and makes those that follow fail at once.
  void Cancel();

 private:
  class Connection;
  const HttpUrl url_;
  const std::unique_ptr<Connection> connection_;
};

}  // namespace perennial
