#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/facts/bitmap.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "health-svc/rules/live_filter.h"
#include "health-svc/value_models.h"
#include "perennial/health/v1/value.pb.h"

namespace perennial::health {

// Prefixes of facts that no filter of a model or a margin may name: they follow from values, or change without the
// account's own facts.
inline const std::vector<absl::string_view>& FactsOutOfReach() {
  static const auto& prefixes = *new std::vector<absl::string_view>{"health.", "flags.", "value."};
  return prefixes;
}

// A revision of a model that values rest on.
struct ModelInUse {
  explicit ModelInUse(const v1::ValueModel& model, double discount_rate);

  std::string name;
  std::int64_t revision = 0;
  v1::ValueModelKind kind = v1::VALUE_MODEL_KIND_UNSPECIFIED;
  LiveFilter filter;
  // The one of its kind.
  std::optional<RetentionTable> retention;
  std::optional<ChurnModel> churn;
  std::optional<PurchaseModel> purchase;
};

// What one account is worth. NaN stands for unknown.
struct Worth {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  double churn_12m = kUnknown;
  double lifetime_months = kUnknown;
  double clv = kUnknown;
  double monthly_margin = kUnknown;
  double margin_rate = 0;
  double coverage = 1;
  double alive = kUnknown;
  double purchases = kUnknown;
  v1::ValueBasis basis = v1::VALUE_BASIS_UNSPECIFIED;
  const ModelInUse* model = nullptr;
  std::uint8_t why = 0;  // see FallbackReason()

  // The same number for the same worth, hardly ever for another.
  [[nodiscard]] std::uint64_t Fingerprint() const;
};

// In words why no better basis was taken; empty when the best was.
std::string FallbackReason(std::uint8_t why);

// How values follow from facts: models in use and settings. Resolve() apart, all is const and safe for many threads.
class ValueRules {
 public:
  // Models that are in use, and settings that were checked.
  ValueRules(const std::vector<v1::ValueModel>& models, v1::ValueSettings settings);

  // After the catalogue grew: whether values may be others now.
  bool Resolve(const facts::FactCatalogue& catalogue);

  struct Rows {
    const facts::FactTable& table;
    absl::Span<const facts::RowId> rows;  // ascending, live
    // Moment of a row's facts.
    absl::FunctionRef<absl::Time(facts::RowId)> as_of;
    // What the account of a row bought, of the metric of a model; null when nothing is known.
    absl::FunctionRef<const Purchases*(const PurchaseModel&, facts::RowId)> purchases;
  };
  // The worth of each row, in their order: for a row always the same, whatever rows stand beside it.
  [[nodiscard]] std::vector<Worth> Compute(const Rows& rows) const;

  [[nodiscard]] const v1::ValueSettings& settings() const { return settings_; }
  // Metrics that purchase models in use read, each once.
  [[nodiscard]] std::vector<std::string> Metrics() const;
  // The currency that accounts-svc reports in; "XXX" (ISO 4217: none) until it is told, and when it tells none.
  [[nodiscard]] const std::string& currency() const { return currency_; }

 private:
  struct Margin {
    LiveFilter filter;
    double rate = 0;
  };
  enum class State : unsigned char { kPays, kChurned, kNoSubscription, kPaysNothing };
  struct Work;

  [[nodiscard]] static std::vector<char> Selected(const LiveFilter& filter, const Rows& rows);
  void SetMargins(const Rows& rows, std::vector<Worth>& out) const;
  void SetChurn(const Rows& rows, Work& work, std::vector<Worth>& out) const;
  void SetRetention(const Rows& rows, Work& work, std::vector<Worth>& out) const;
  void SetPurchases(const Rows& rows, Work& work, std::vector<Worth>& out) const;

  v1::ValueSettings settings_;
  std::vector<Margin> margins_;
  std::vector<std::unique_ptr<ModelInUse>> models_;  // those with a filter first, then by name
  std::optional<facts::FactId> mrr_;
  std::optional<facts::FactId> tenure_;
  std::optional<facts::FactId> phase_;
  std::string currency_ = "XXX";
  bool currency_told_ = false;
  std::size_t resolved_at_ = static_cast<std::size_t>(-1);
};

}  // namespace perennial::health
