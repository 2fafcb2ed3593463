#pragma once

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/server/metrics.h"
#include "common/server/watch_stream.h"
#include "common/server/worker_pool.h"

namespace perennial {

// Numbers of objects that may be gone before the metrics are: once this is closed they stay as they were last told. Safe for many
// threads.
class MetricsScope {
 public:
  // `metrics` must outlive this.
  explicit MetricsScope(Metrics& metrics) : metrics_(metrics) {}
  ~MetricsScope() { Close(); }
  MetricsScope(const MetricsScope&) = delete;
  MetricsScope& operator=(const MetricsScope&) = delete;

  // As those of Metrics. What `read` uses must live until Close().
  void CounterFrom(const std::string& name, const std::string& help, const Metrics::Labels& labels, Metrics::Read read) {
    metrics_.CounterFrom(name, help, labels, Guarded(std::move(read)));
  }
  void GaugeFrom(const std::string& name, const std::string& help, const Metrics::Labels& labels, Metrics::Read read) {
    metrics_.GaugeFrom(name, help, labels, Guarded(std::move(read)));
  }
  [[nodiscard]] Metrics& metrics() { return metrics_; }

  // When it returns no number is read any more.
  void Close() {
    const MutexLock lock(gate_->mu);
    gate_->open = false;
  }

 private:
  struct Gate {
    Mutex mu;
    bool open ABSL_GUARDED_BY(mu) = true;
  };

  Metrics::Read Guarded(Metrics::Read read) {
    return [gate = gate_, read = std::move(read), last = 0.0]() mutable {
      const MutexLock lock(gate->mu);
      if (gate->open) last = read();
      return last;
    };
  }

  Metrics& metrics_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

// How busy a pool is.
inline void MeasurePool(const std::string& name, const WorkerPool& pool, MetricsScope& metrics) {
  metrics.GaugeFrom("perennial_pool_queued", "Calls that wait for a thread, by what they do.", {{"pool", name}},
                    [&pool] { return static_cast<double>(pool.queued()); });
  metrics.CounterFrom("perennial_pool_refused_total", "Calls that were refused as too many waited for a thread.",
                      {{"pool", name}}, [&pool] { return static_cast<double>(pool.refused()); });
}

// How many watch.
inline void MeasureWatches(const WatchHub& hub, MetricsScope& metrics) {
  metrics.GaugeFrom("perennial_watch_streams", "Streams that are open: watches, and streams of records.", {},
                    [&hub] { return static_cast<double>(hub.streams()); });
}

}  // namespace perennial
