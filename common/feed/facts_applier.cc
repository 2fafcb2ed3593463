#include "common/feed/facts_applier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"

namespace perennial {
namespace {
constexpr std::uint32_t kMostFacts = 1'000'000;  // of one sender; an id past it is nonsense
}

absl::Status FactsApplier::Learn(const perennial::accounts::v1::FactDefinition& definition) {
  PERENNIAL_ASSIGN_OR_RETURN(facts::FactDefinition fact, facts::FromProto(definition));
  if (definition.id() > kMostFacts) return absl::DataLossError("fact id out of range");
  const auto id = catalogue_.Add(std::move(fact));
  if (!id.ok()) return absl::DataLossError(id.status().message());
  if (definition.id() >= ids_.size()) ids_.resize(definition.id() + 1, facts::kNotAnnounced);
  ids_[definition.id()] = *id;
  const auto at = std::lower_bound(owned_.begin(), owned_.end(), *id);
  if (at == owned_.end() || *at != *id) owned_.insert(at, *id);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ReadRow>> FactsApplier::Read(const perennial::accounts::v1::WatchFactsResponse& message) {
  for (const auto& definition : message.definitions()) PERENNIAL_RETURN_IF_ERROR(Learn(definition));
  std::vector<ReadRow> rows;
  rows.reserve(static_cast<std::size_t>(message.rows_size()));
  for (const auto& packed : message.rows()) {
    ReadRow row{.account_id = packed.account_id(), .revision = packed.revision(), .deleted = packed.deleted(),
                .purged = packed.purged(), .as_of = ToTime(packed.as_of()), .facts = {}};
    if (!row.deleted) {
      PERENNIAL_ASSIGN_OR_RETURN(row.facts, facts::Unpack(packed, ids_, catalogue_));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<AppliedRow> FactsApplier::Write(const perennial::accounts::v1::WatchFactsResponse& message,
                                            const std::vector<ReadRow>& rows) {
  std::vector<AppliedRow> applied;
  applied.reserve(rows.size());
  for (const ReadRow& read : rows) {
    AppliedRow change{.revision = read.revision, .deleted = read.deleted, .as_of = read.as_of, .changed = {}, .before = {}};
    if (read.deleted) {
      const auto row = table_.FindAny(read.account_id);
      change.row = row.has_value() ? *row : table_.Upsert(read.account_id);
      table_.Delete(change.row);
    } else {
      change.appeared = !table_.Find(read.account_id).has_value();
      change.row = table_.Upsert(read.account_id);
      ReplaceFacts(table_, read.facts, catalogue_, owned_, change);
    }
    applied.push_back(std::move(change));
    revision_ = read.revision;
  }
  revision_ = std::max(revision_, message.progress_revision());
  if (!message.feed_id().empty()) feed_id_ = message.feed_id();
  if (message.has_server_time()) server_time_ = ToTime(message.server_time());
  caught_up_ = caught_up_ || message.caught_up();
  return applied;
}

void FactsApplier::Rewind() {
  ids_.clear();  // another feed numbers facts in another way
  feed_id_.clear();
  revision_ = 0;
  caught_up_ = false;
}

absl::StatusOr<std::vector<AppliedRow>> FactsApplier::Apply(const perennial::accounts::v1::WatchFactsResponse& message) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ReadRow> rows, Read(message));
  return Write(message, rows);
}

}  // namespace perennial
