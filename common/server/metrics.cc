#include "common/server/metrics.h"

#include <prometheus/exposer.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"

namespace perennial {

// Collects what other objects count for themselves.
class Metrics::Elsewhere final : public prometheus::Collectable {
 public:
  void Add(prometheus::MetricType type, const std::string& name, const std::string& help, const Labels& labels,
           Read read) {
    MutexLock lock(mu_);
    Family& family = families_[name];
    family.type = type;
    family.help = help;
    family.numbers.emplace_back(labels, std::move(read));
  }

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    MutexLock lock(mu_);
    std::vector<prometheus::MetricFamily> out;
    for (const auto& [name, family] : families_) {
      prometheus::MetricFamily collected;
      collected.name = name;
      collected.help = family.help;
      collected.type = family.type;
      for (const auto& [labels, read] : family.numbers)
        collected.metric.push_back(ToMetric(family.type, labels, read()));
      out.push_back(std::move(collected));
    }
    return out;
  }

 private:
  struct Family {
    prometheus::MetricType type = prometheus::MetricType::Untyped;
    std::string help;
    std::vector<std::pair<Labels, Read>> numbers;
  };

  static prometheus::ClientMetric ToMetric(prometheus::MetricType type, const Labels& labels, double value) {
    prometheus::ClientMetric metric;
    for (const auto& [label, text] : labels) metric.label.push_back({label, text});
    if (type == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    return metric;
  }

  mutable Mutex mu_;
  std::map<std::string, Family> families_ ABSL_GUARDED_BY(mu_);
};

Metrics::Metrics() : registry_(std::make_shared<prometheus::Registry>()), elsewhere_(std::make_shared<Elsewhere>()) {}
Metrics::~Metrics() = default;

prometheus::Counter& Metrics::Counter(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Gauge& Metrics::Gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_).Add(labels);
}

prometheus::Histogram& Metrics::Histogram(const std::string& name, const std::string& help,
                                          const std::vector<double>& bounds, const Labels& labels) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_).Add(labels, bounds);
}

void Metrics::CounterFrom(const std::string& name, const std::string& help, const Labels& labels, Read read) {
  elsewhere_->Add(prometheus::MetricType::Counter, name, help, labels, std::move(read));
}

void Metrics::GaugeFrom(const std::string& name, const std::string& help, const Labels& labels, Read read) {
  elsewhere_->Add(prometheus::MetricType::Gauge, name, help, labels, std::move(read));
}

void Metrics::Add(std::shared_ptr<prometheus::Collectable> numbers) { added_.push_back(std::move(numbers)); }

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = registry_->Collect();
  for (prometheus::MetricFamily& family : elsewhere_->Collect()) families.push_back(std::move(family));
  for (const auto& numbers : added_) {
    for (prometheus::MetricFamily& family : numbers->Collect()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

absl::Status Metrics::Serve(const std::string& host, int port) {
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(absl::StrCat(host, ":", port), /*num_threads=*/1);
    exposer->RegisterCollectable(registry_);
    exposer->RegisterCollectable(elsewhere_);
    for (const auto& numbers : added_) exposer->RegisterCollectable(numbers);
    port_ = exposer->GetListeningPorts().at(0);
    exposer_ = std::move(exposer);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", host, ":", port, ": ", error.what()));
  }
  return absl::OkStatus();
}

}  // namespace perennial
