#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace prometheus {
class Exposer;
class Registry;
}  // namespace prometheus

namespace perennial {

// Numbers about a process for those who run it, in Prometheus' text format over HTTP at /metrics.
//
// Names begin with "perennial_" and follow Prometheus' conventions: base units, "_total" for what only grows. Asking
// for a name and labels again gives the same number. References stay valid for the life of this. Safe for many threads.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;
  // Reads a number that is kept elsewhere: called at each scrape, on a thread of its own. Must be quick, and safe for
  // as long as this lives.
  using Read = std::function<double()>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  prometheus::Counter& Counter(const std::string& name, const std::string& help, const Labels& labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds` are upper ones, ascending; what lies above the last is counted too.
  prometheus::Histogram& Histogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                                   const Labels& labels = {});
  void CounterFrom(const std::string& name, const std::string& help, const Labels& labels, Read read);
  void GaugeFrom(const std::string& name, const std::string& help, const Labels& labels, Read read);

  // Adds numbers that are counted elsewhere, with names of their own. Before Serve().
  void Add(std::shared_ptr<prometheus::Collectable> numbers);

  // All numbers as a scrape would read them.
  [[nodiscard]] std::string Text() const;
  // Starts to serve them; port 0 takes a free one. Once. UNAVAILABLE when it cannot listen there.
  absl::Status Serve(const std::string& host, int port);
  // Where they are served; 0 before.
  [[nodiscard]] int port() const { return port_; }

 private:
  class Elsewhere;
  std::shared_ptr<prometheus::Registry> registry_;
  std::shared_ptr<Elsewhere> elsewhere_;
  std::vector<std::shared_ptr<prometheus::Collectable>> added_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  int port_ = 0;
};

}  // namespace perennial
