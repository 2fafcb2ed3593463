#pragma once

#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/facts/fact_catalogue.h"
#include "common/facts/fact_row.h"
#include "perennial/accounts/v1/fact.pb.h"

namespace perennial::facts {

// Writes the facts of `row` into the packed form of the feed (account, revision and time are the caller's to set).
void Pack(const FactRow& row, perennial::accounts::v1::PackedFacts* out);

// In a map of ids: the sender has not announced this one.
constexpr FactId kNotAnnounced = std::numeric_limits<FactId>::max();

// Reads packed facts. `ids` maps the sender's ids to those of the reader's catalogue. DATA_LOSS when the message
// contradicts itself or uses an id that was not announced.
absl::StatusOr<FactRow> Unpack(const perennial::accounts::v1::PackedFacts& packed, const std::vector<FactId>& ids,
                               const FactCatalogue& catalogue);

perennial::accounts::v1::FactDefinition ToProto(FactId id, const FactDefinition& definition);
absl::StatusOr<FactDefinition> FromProto(const perennial::accounts::v1::FactDefinition& definition);

// A fact with its name, as GetFacts answers it.
perennial::accounts::v1::Fact ToProto(const FactDefinition& definition, const FactValue& value);

}  // namespace perennial::facts
