#include "segment-svc/value_facts.h"

#include <algorithm>
#include <utility>

#include "common/base/money.h"
#include "common/base/time_util.h"

namespace perennial::segments {

ValueFacts::ValueFacts(facts::FactCatalogue& catalogue, facts::FactTable& table)
    : catalogue_(catalogue), table_(table) {
  // The catalogue is this process's own, and accounts-svc sends no value.*: these cannot clash.
  churn_ = *catalogue.Add({.name = "value.churn_probability_12m",
                           .unit = "share 0-1",
                           .meaning = "Chance to churn within 12 months; unknown without a model that tells it."});
  lifetime_ = *catalogue.Add({.name = "value.expected_lifetime_months",
                              .unit = "months",
                              .meaning = "Months that it is expected to go on paying; 0 once churned."});
  clv_ = *catalogue.Add({.name = "value.clv",
                         .unit = "reporting currency",
                         .meaning = "Expected discounted margin over the rest of its lifetime; 0 once churned."});
  owned_ = {churn_, lifetime_, clv_};
  std::sort(owned_.begin(), owned_.end());
}

facts::RowId ValueFacts::RowOf(absl::string_view account_id) {
  if (const auto row = table_.FindAny(account_id)) return *row;
  // The value has come before the facts. The account exists once its facts are here, and finds its value then.
  const facts::RowId row = table_.Upsert(account_id);
  table_.Delete(row);
  return row;
}

absl::StatusOr<std::vector<AppliedRow>> ValueFacts::Apply(const perennial::health::v1::WatchValuesResponse& message,
                                                          std::size_t feed) {
  Feed& from = feeds_[feed];
  std::vector<AppliedRow> applied;
  applied.reserve(static_cast<std::size_t>(message.updates_size()));
  for (const auto& update : message.updates()) {
    if (update.account_id().empty()) return absl::DataLossError("value without an account");
    facts::FactRow facts;
    const auto& value = update.value();
    if (value.has_churn_probability_12m()) facts.SetNumber(churn_, value.churn_probability_12m());
    if (value.has_expected_lifetime_months()) facts.SetNumber(lifetime_, value.expected_lifetime_months());
    if (value.has_clv()) {
      const auto amount = ParseAmount(value.clv().amount());
      if (!amount.ok()) return absl::DataLossError("value of an amount that is none");
      facts.SetNumber(clv_, NumberOfMicros(*amount));
    }
    const facts::RowId row = RowOf(update.account_id());
    if (row >= origins_.size()) origins_.resize(row + 1);
    from.revision = update.revision();
    if (update.deleted() && origins_[row].feed != feed) continue;
    origins_[row] = {.facts_revision = update.deleted() ? 0 : value.facts_revision(),
                     .feed = static_cast<std::uint16_t>(feed)};
    AppliedRow change{
        .row = row, .revision = update.revision(), .as_of = ToTime(value.as_of()), .changed = {}, .before = {}};
    ReplaceFacts(table_, facts, catalogue_, owned_, change, track_);
    applied.push_back(std::move(change));
  }
  from.revision = std::max(from.revision, message.progress_revision());
  // It falls when health-svc follows another feed of facts. 0: not all values have been sent yet.
  if (message.facts_revision() > 0) from.valued_facts_revision = message.facts_revision();
  if (!message.feed_id().empty()) from.feed_id = message.feed_id();
  from.caught_up = from.caught_up || message.caught_up();
  return applied;
}

std::optional<facts::FactRow> ValueFacts::NewerThan(facts::RowId row, std::int64_t facts_revision) const {
  if (row >= origins_.size() || origins_[row].facts_revision <= facts_revision) return std::nullopt;
  facts::FactRow facts;
  for (const facts::FactId fact : owned_) {
    if (const auto value = table_.Number(row, fact)) facts.SetNumber(fact, *value);
  }
  return facts;
}

void ValueFacts::Restore(facts::RowId row, const facts::FactRow& facts) {
  table_.Replace(row, facts, catalogue_, owned_);
}

void ValueFacts::Rewind(std::size_t feed) { feeds_[feed] = {.caught_up = feeds_[feed].caught_up}; }

std::int64_t ValueFacts::valued_facts_revision() const {
  const auto least = std::min_element(feeds_.begin(), feeds_.end(), [](const Feed& a, const Feed& b) {
    return a.valued_facts_revision < b.valued_facts_revision;
  });
  return least->valued_facts_revision;
}

bool ValueFacts::caught_up() const {
  return std::all_of(feeds_.begin(), feeds_.end(), [](const Feed& feed) { return feed.caught_up; });
}

}  // namespace perennial::segments
