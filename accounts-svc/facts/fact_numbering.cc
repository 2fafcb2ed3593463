#include "accounts-svc/facts/fact_numbering.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/facts/fact_definitions.h"
#include "common/base/status_macros.h"
#include "common/facts/packed_facts.h"

namespace perennial::accounts {
namespace {

constexpr absl::string_view kAttributes = "attributes.";

bool IsAttribute(const facts::FactDefinition& definition) { return absl::StartsWith(definition.name, kAttributes); }

std::string TooMany() {
  return absl::StrCat("would be a new attribute, and there are ", kMostAttributes, ", the most");
}

}  // namespace

absl::Status FactNumbering::Learn(facts::FactId first, const std::vector<facts::FactDefinition>& saved) {
  if (saved.empty()) return absl::OkStatus();
  const std::unique_lock lock(mu_);
  if (first > local_of_.size()) return absl::DataLossError("the stored catalogue of facts has a hole");
  absl::Status status;
  for (std::size_t i = local_of_.size() - first; i < saved.size() && status.ok(); ++i) status = LearnOne(saved[i]);
  Renumber();
  return status;
}

absl::Status FactNumbering::LearnOne(const facts::FactDefinition& definition) {
  std::optional<facts::FactId> local = catalogue_.Find(definition.name);
  if (local.has_value()) {
    const auto unsaved = std::find(unsaved_.begin(), unsaved_.end(), *local);
    if (unsaved == unsaved_.end()) return absl::DataLossError("a fact is stored twice");
    unsaved_.erase(unsaved);
    if (catalogue_.Get(*local).type != definition.type) {
      // A write that failed here had named it, and another process was first to store it, with another type.
      stored_of_[*local] = facts::kNotAnnounced;
      catalogue_.Forget(definition.name);
      if (IsAttribute(definition)) --attributes_;
      local = std::nullopt;
    }
  }
  if (!local.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(local, Add(definition));
    unsaved_.pop_back();
  }
  local_of_.push_back(*local);
  return absl::OkStatus();
}

absl::StatusOr<facts::FactId> FactNumbering::Add(facts::FactDefinition definition) {
  const bool attribute = IsAttribute(definition);
  PERENNIAL_ASSIGN_OR_RETURN(const facts::FactId id, catalogue_.Add(std::move(definition)));
  if (id < stored_of_.size()) return id;
  if (attribute) ++attributes_;
  stored_of_.push_back(static_cast<facts::FactId>(local_of_.size() + unsaved_.size()));
  unsaved_.push_back(id);
  same_ = same_ && stored_of_.back() == id;
  return id;
}

void FactNumbering::Renumber() {
  for (std::size_t i = 0; i < local_of_.size(); ++i) stored_of_[local_of_[i]] = static_cast<facts::FactId>(i);
  auto next = static_cast<facts::FactId>(local_of_.size());
  for (const facts::FactId id : unsaved_) stored_of_[id] = next++;
  same_ = true;
  for (std::size_t id = 0; id < stored_of_.size(); ++id) same_ = same_ && stored_of_[id] == id;
}

facts::FactId FactNumbering::saved() const {
  const std::shared_lock lock(mu_);
  return static_cast<facts::FactId>(local_of_.size());
}

facts::FactRow FactNumbering::ToStored(const facts::FactRow& row) const {
  const std::shared_lock lock(mu_);
  if (same_) return row;
  facts::FactRow stored;
  for (const auto& [id, value] : row.values()) {
    if (const auto* number = std::get_if<double>(&value)) stored.SetNumber(stored_of_[id], *number);
    if (const auto* text = std::get_if<std::string>(&value)) stored.SetText(stored_of_[id], *text);
    if (const auto* set = std::get_if<facts::StringSet>(&value)) stored.SetSet(stored_of_[id], *set);
  }
  return stored;
}

facts::FactId FactNumbering::ToStored(facts::FactId id) const {
  const std::shared_lock lock(mu_);
  return stored_of_[id];
}

std::vector<facts::FactId> FactNumbering::LocalIds() const {
  const std::shared_lock lock(mu_);
  return local_of_;
}

absl::Status FactNumbering::AddAll(const std::vector<facts::FactDefinition>& definitions) {
  const std::unique_lock lock(mu_);
  for (const facts::FactDefinition& definition : definitions) {
    PERENNIAL_RETURN_IF_ERROR(Add(definition).status());
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
    if (found != metrics_.end() && found->second.name == name) return found->second.facts;
  }
  const std::unique_lock lock(mu_);
  std::array<facts::FactId, 8> ids{};
  std::size_t next = 0;
  for (facts::FactDefinition& definition : MetricFactDefinitions(name)) {
    ids[next++] = Add(std::move(definition)).value();
  }
  const MetricFacts metric{ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6], ids[7]};
  metrics_.insert_or_assign(metric_no, NamedMetric{std::string(name), metric});
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
  if (attributes_ >= kMostAttributes && !catalogue_.Find(name).has_value())
    return absl::ResourceExhaustedError(TooMany());
  return Add(AttributeFactDefinition(key, type));
}

FactNumbering::Tail FactNumbering::Unsaved() const {
  const std::shared_lock lock(mu_);
  Tail tail{.first = static_cast<facts::FactId>(local_of_.size()), .definitions = {}};
  for (const facts::FactId id : unsaved_) tail.definitions.push_back(catalogue_.Get(id));
  return tail;
}

void FactNumbering::MarkSaved(facts::FactId end) {
  const std::unique_lock lock(mu_);
  if (end <= local_of_.size()) return;
  const auto last = unsaved_.begin() + static_cast<std::ptrdiff_t>(end - local_of_.size());
  local_of_.insert(local_of_.end(), unsaved_.begin(), last);
  unsaved_.erase(unsaved_.begin(), last);
}

absl::Status FactNumbering::CheckAttribute(absl::string_view key, facts::FactType type) const {
  const std::shared_lock lock(mu_);
  const auto found = catalogue_.Find(absl::StrCat(kAttributes, key));
  if (!found.has_value())
    return attributes_ < kMostAttributes ? absl::OkStatus() : absl::InvalidArgumentError(TooMany());
  if (catalogue_.Get(*found).type == type) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("must be a ", facts::NameOf(catalogue_.Get(*found).type), ", as this attribute is everywhere else"));
}

std::optional<facts::FactId> FindNumber(absl::string_view name, const FactNumbering& numbering) {
  return numbering.WithCatalogue([&](const facts::FactCatalogue& catalogue) {
    const std::optional<facts::FactId> found = catalogue.Find(name);
    return found.has_value() && catalogue.Get(*found).type == facts::FactType::kNumber ? found : std::nullopt;
  });
}

}  // namespace perennial::accounts
