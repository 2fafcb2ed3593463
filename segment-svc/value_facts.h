#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_table.h"
#include "common/feed/applied_row.h"
#include "perennial/health/v1/value_service.pb.h"

namespace perennial::segments {

// Applies messages of ValueService.WatchValues to a table as facts that only segments and reports know:
// value.churn_probability_12m, value.expected_lifetime_months and value.clv. Not thread-safe: guard it together with
// the table.
//
// There are as many feeds as health-svc has shards, as in HealthFacts.
class ValueFacts {
 public:
  // Both must outlive this.
  ValueFacts(facts::FactCatalogue& catalogue, facts::FactTable& table);

  // How many feeds there are, 1 unless this says otherwise. Before the first message.
  void SetFeeds(std::size_t count) { feeds_.resize(count); }
  // As AccountFacts::TrackChanges().
  void TrackChanges(bool on) { track_ = on; }

  // DATA_LOSS when the message makes no sense; rows before the bad one are applied then. A tombstone counts only when
  // it comes from the feed that the account's value came from.
  absl::StatusOr<std::vector<AppliedRow>> Apply(const perennial::health::v1::WatchValuesResponse& message,
                                                std::size_t feed);

  // Values of a row as they stand, if they come from facts newer than `facts_revision`: see HealthFacts.
  [[nodiscard]] std::optional<facts::FactRow> NewerThan(facts::RowId row, std::int64_t facts_revision) const;
  void Restore(facts::RowId row, const facts::FactRow& facts);

  // Begins a feed anew, with what has been applied kept until it is sent again.
  void Rewind(std::size_t feed);
  [[nodiscard]] const std::string& feed_id(std::size_t feed) const { return feeds_[feed].feed_id; }
  // Everything of a feed up to it has been applied; where to resume.
  [[nodiscard]] std::int64_t revision(std::size_t feed) const { return feeds_[feed].revision; }
  // Facts up to this revision have been valued, by all feeds.
  [[nodiscard]] std::int64_t valued_facts_revision() const;
  // Whether all feeds have been caught up with once.
  [[nodiscard]] bool caught_up() const;

 private:
  struct Feed {
    std::int64_t revision = 0;
    std::int64_t valued_facts_revision = 0;
    std::string feed_id = {};
    bool caught_up = false;
  };
  struct Origin {
    std::int64_t facts_revision = 0;
    std::uint16_t feed = 0;
  };
  facts::RowId RowOf(absl::string_view account_id);

  facts::FactCatalogue& catalogue_;
  facts::FactTable& table_;
  facts::FactId churn_, lifetime_, clv_;
  bool track_ = true;
  std::vector<facts::FactId> owned_;  // ascending
  std::vector<Origin> origins_;       // of the newest value, by row
  std::vector<Feed> feeds_ = std::vector<Feed>(1);
};

}  // namespace perennial::segments
