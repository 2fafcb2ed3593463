#include "accounts-svc/facts/fact_numbering.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/fact_definitions.h"
#include "common/base/status_macros.h"

namespace perennial::accounts {
namespace {

constexpr absl::string_view kAttributes = "attributes.";

bool IsAttribute(const facts::FactDefinition& definition) { return absl::StartsWith(definition.name, kAttributes); }

std::string TooMany() { return absl::StrCat("would be a new attribute, and there are ", kMostAttributes, ", the most"); }

}  // namespace

absl::Status FactNumbering::Load(const std::vector<facts::FactDefinition>& saved) {
  const std::unique_lock lock(mu_);
  for (const facts::FactDefinition& definition : saved) {
    PERENNIAL_RETURN_IF_ERROR(catalogue_.Add(definition).status());
    if (IsAttribute(definition)) ++attributes_;
  }
  saved_ = static_cast<facts::FactId>(catalogue_.size());
  return saved_ == saved.size() ? absl::OkStatus() : absl::DataLossError("a fact is stored twice");
}

absl::Status FactNumbering::AddAll(const std::vector<facts::FactDefinition>& definitions) {
  const std::unique_lock lock(mu_);
  for (const facts::FactDefinition& definition : definitions) {
    PERENNIAL_RETURN_IF_ERROR(catalogue_.Add(definition).status());
  }
  return absl::OkStatus();
}

facts::FactId FactNumbering::Fixed(absl::string_view name) const {
  const std::shared_lock lock(mu_);
  return catalogue_.Find(name).value();
}

MetricFacts FactNumbering::ForMetric(std::int64_t metric_no, absl::string_view name) {
  {
    const std::shared_lock lock(mu_);
    const auto found = metrics_.find(metric_no);
    if (found != metrics_.end()) return found->second;
  }
  const std::unique_lock lock(mu_);
  std::array<facts::FactId, 8> ids{};
  std::size_t next = 0;
  for (facts::FactDefinition& definition : MetricFactDefinitions(name)) {
    ids[next++] = catalogue_.Add(std::move(definition)).value();
  }
  const MetricFacts metric{ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6], ids[7]};
  metrics_.emplace(metric_no, metric);
  return metric;
}

absl::StatusOr<facts::FactId> FactNumbering::ForAttribute(absl::string_view key, facts::FactType type) {
  const std::string name = absl::StrCat(kAttributes, key);
  {
    const std::shared_lock lock(mu_);
    const auto found = catalogue_.Find(name);
    if (found.has_value() && catalogue_.Get(*found).type == type) return *found;
  }
  const std::unique_lock lock(mu_);
  const std::size_t before = catalogue_.size();
  if (attributes_ >= kMostAttributes && !catalogue_.Find(name).has_value()) return absl::ResourceExhaustedError(TooMany());
  auto id = catalogue_.Add(AttributeFactDefinition(key, type));
  if (catalogue_.size() > before) ++attributes_;
  return id;
}

FactNumbering::Tail FactNumbering::Unsaved() const {
  const std::shared_lock lock(mu_);
  Tail tail{.first = saved_, .definitions = {}};
  for (facts::FactId id = saved_; id < catalogue_.size(); ++id) tail.definitions.push_back(catalogue_.Get(id));
  return tail;
}

void FactNumbering::MarkSaved(facts::FactId end) {
  const std::unique_lock lock(mu_);
  saved_ = std::max(saved_, end);
}

absl::Status FactNumbering::CheckAttribute(absl::string_view key, facts::FactType type) const {
  const std::shared_lock lock(mu_);
  const auto found = catalogue_.Find(absl::StrCat(kAttributes, key));
  if (!found.has_value()) return attributes_ < kMostAttributes ? absl::OkStatus() : absl::InvalidArgumentError(TooMany());
  if (catalogue_.Get(*found).type == type) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("must be a ", facts::NameOf(catalogue_.Get(*found).type), ", as this attribute is everywhere else"));
}

std::optional<double> NumberOf(const facts::FactRow& row, absl::string_view name, const FactNumbering& numbering) {
  const auto id = numbering.WithCatalogue([&](const facts::FactCatalogue& catalogue) {
    const std::optional<facts::FactId> found = catalogue.Find(name);
    return found.has_value() && catalogue.Get(*found).type == facts::FactType::kNumber ? found : std::nullopt;
  });
  return id.has_value() ? row.Number(*id) : std::nullopt;
}

}  // namespace perennial::accounts
