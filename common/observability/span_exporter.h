#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/observability/http_post.h"
#include "common/observability/otlp_json.h"
#include "common/observability/span.h"

namespace perennial {

// Where the spans of a URL such as "http://collector:4318" go: its path with "v1/traces" after it. INVALID_ARGUMENT with a sentence
// that completes "--otlp_endpoint ...".
absl::StatusOr<HttpUrl> TracesUrl(absl::string_view endpoint);

// Sends spans to an OpenTelemetry collector (OTLP over HTTP, in JSON) on a thread of its own, many at once. Whoever offers a span
// never waits: beyond what may wait it is dropped, and counted. While the collector is away, or says that it has too much to do, what
// waits is sent again; what it does not want it never gets again.
class SpanExporter {
 public:
  struct Options {
    HttpUrl collector;
    SpanSource source;
    // Share of the traces begun by this process that are recorded.
    double share = 1;
    std::size_t most_waiting = 4096;
    std::size_t most_at_once = 512;
    // How long a span waits for others.
    std::chrono::milliseconds interval{1000};
    std::chrono::milliseconds timeout{5000};
    std::chrono::milliseconds first_pause{500};
    std::chrono::milliseconds longest_pause{30000};
    // How long the destructor tries to send what waits.
    std::chrono::milliseconds farewell{1000};
  };
  explicit SpanExporter(Options options);
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // Any thread.
  void Offer(Span span);
  // Whether a trace that this process begins is to be recorded.
  [[nodiscard]] bool SamplesNew() const;

  // Numbers of spans: taken by the collector; lost as too many waited; lost as the collector refused them.
  [[nodiscard]] std::int64_t sent() const { return sent_; }
  [[nodiscard]] std::int64_t dropped() const { return dropped_; }
  [[nodiscard]] std::int64_t refused() const { return refused_; }
  // Attempts to send that failed and were or will be repeated.
  [[nodiscard]] std::int64_t failures() const { return failures_; }
  [[nodiscard]] std::size_t waiting();

 private:
  void Loop(const std::stop_token& stop);
  // Sends `batch_`; false when it must be sent again, not before `pause_` is over.
  bool SendBatch(std::chrono::milliseconds timeout);

  const Options options_;
  std::atomic<std::int64_t> sent_ = 0;
  std::atomic<std::int64_t> dropped_ = 0;
  std::atomic<std::int64_t> refused_ = 0;
  std::atomic<std::int64_t> failures_ = 0;
  // Of the exporter's thread.
  HttpPoster poster_;
  std::vector<Span> batch_;
  std::chrono::milliseconds pause_{0};
  bool reached_ = false;  // the last attempt was answered

  std::mutex mu_;
  std::condition_variable_any changed_;
  std::vector<Span> waiting_;  // guarded by mu_
  std::size_t in_batch_ = 0;   // guarded by mu_: size of batch_
  std::jthread thread_;        // last: uses all of the above
};

}  // namespace perennial
