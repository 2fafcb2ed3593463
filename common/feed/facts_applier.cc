#include "common/feed/facts_applier.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"

namespace perennial {
namespace {
namespace v1 = perennial::accounts::v1;
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

void FactsApplier::AddRow(absl::string_view account_id, AppliedRow& change) {
  const std::size_t live = table_.live_count();
  change.row = table_.Upsert(account_id);
  change.appeared = table_.live_count() != live;
}

void FactsApplier::DeleteRow(absl::string_view account_id, AppliedRow& change) {
  const auto row = table_.FindAny(account_id);
  change.row = row.has_value() ? *row : table_.Upsert(account_id);
  table_.Delete(change.row);
}

void FactsApplier::NoteProgress(const v1::WatchFactsResponse& message) {
  revision_ = std::max(revision_, message.progress_revision());
  if (!message.feed_id().empty()) feed_id_ = message.feed_id();
  if (message.has_server_time()) server_time_ = ToTime(message.server_time());
  caught_up_ = caught_up_ || message.caught_up();
}

std::vector<AppliedRow> FactsApplier::Write(const v1::WatchFactsResponse& message, const std::vector<ReadRow>& rows) {
  std::vector<AppliedRow> applied;
  applied.reserve(rows.size());
  for (const ReadRow& read : rows) {
    AppliedRow change{.revision = read.revision, .deleted = read.deleted, .as_of = read.as_of, .changed = {}, .before = {}};
    if (read.deleted) {
      DeleteRow(read.account_id, change);
    } else {
      AddRow(read.account_id, change);
      ReplaceFacts(table_, read.facts, catalogue_, owned_, change);
    }
    applied.push_back(std::move(change));
    revision_ = read.revision;
  }
  NoteProgress(message);
  return applied;
}

void FactsApplier::Rewind() {
  ids_.clear();  // another feed numbers facts in another way
  feed_id_.clear();
  revision_ = 0;
  caught_up_ = false;
}

absl::Status FactsApplier::Check(const v1::PackedFacts& row) const {
  if (row.number_ids_size() != row.number_values_size() || row.text_ids_size() != row.text_values_size()) {
    return absl::DataLossError("packed facts have ids without values");
  }
  const auto check = [&](std::uint32_t id, auto fits) -> absl::Status {
    if (id >= ids_.size() || ids_[id] == facts::kNotAnnounced) {
      return absl::DataLossError(absl::StrCat("fact ", id, " was not announced"));
    }
    if (!fits(catalogue_.Get(ids_[id]).type)) {
      return absl::DataLossError(absl::StrCat("fact ", id, " has a value of another type"));
    }
    return absl::OkStatus();
  };
  using facts::FactType;
  const auto is_set = [](FactType type) { return type == FactType::kStringSet; };
  const auto is_text = [&](FactType type) { return type == FactType::kString || is_set(type); };
  for (const std::uint32_t id : row.number_ids()) {
    PERENNIAL_RETURN_IF_ERROR(check(id, [&](FactType type) { return !is_text(type); }));
  }
  for (const std::uint32_t id : row.text_ids()) PERENNIAL_RETURN_IF_ERROR(check(id, is_text));
  for (const std::uint32_t id : row.empty_set_ids()) PERENNIAL_RETURN_IF_ERROR(check(id, is_set));
  return absl::OkStatus();
}

void FactsApplier::Unpack(const v1::PackedFacts& row) {
  Unpacked& to = unpacked_;
  if (to.marks.size() < catalogue_.size()) {
    to.marks.resize(catalogue_.size());
    to.numbers.resize(catalogue_.size());
    to.texts.resize(catalogue_.size());
    to.sets.resize(catalogue_.size());
  }
  ++to.mark;
  for (int i = 0; i < row.number_ids_size(); ++i) {
    const facts::FactId fact = ids_[row.number_ids(i)];
    to.marks[fact] = to.mark;
    to.numbers[fact] = row.number_values(i);
  }
  const auto set = [&](facts::FactId fact) -> facts::StringSet& {
    if (to.marks[fact] != to.mark) to.sets[fact].clear();
    to.marks[fact] = to.mark;
    return to.sets[fact];
  };
  for (int i = 0; i < row.text_ids_size(); ++i) {
    const facts::FactId fact = ids_[row.text_ids(i)];
    if (catalogue_.Get(fact).type == facts::FactType::kStringSet) {
      set(fact).push_back(row.text_values(i));
    } else {
      to.marks[fact] = to.mark;
      to.texts[fact] = row.text_values(i);
    }
  }
  for (const std::uint32_t id : row.empty_set_ids()) set(ids_[id]);
}

void FactsApplier::Put(AppliedRow& change) {
  const Unpacked& from = unpacked_;
  if (track_) {
    change.changed.reserve(owned_.size());
    change.before.reserve(owned_.size());
  }
  for (const facts::FactId fact : owned_) {
    const bool known = fact < from.marks.size() && from.marks[fact] == from.mark;
    double before = std::numeric_limits<double>::quiet_NaN();
    bool different = false;
    switch (const facts::FactType type = catalogue_.Get(fact).type) {
      case facts::FactType::kString:
        different = table_.SetText(change.row, fact, known ? std::optional(from.texts[fact]) : std::nullopt);
        break;
      case facts::FactType::kStringSet:
        different = table_.SetSet(change.row, fact, known ? &from.sets[fact] : nullptr);
        break;
      default:
        if (track_) before = table_.Number(change.row, fact).value_or(before);
        different =
            table_.SetNumber(change.row, fact, type, known ? std::optional(from.numbers[fact]) : std::nullopt);
    }
    if (!different || !track_) continue;
    change.changed.push_back(fact);
    change.before.push_back(before);
  }
}

absl::StatusOr<std::vector<AppliedRow>> FactsApplier::Apply(const v1::WatchFactsResponse& message) {
  for (const auto& definition : message.definitions()) PERENNIAL_RETURN_IF_ERROR(Learn(definition));
  for (const auto& row : message.rows()) {
    if (!row.deleted()) PERENNIAL_RETURN_IF_ERROR(Check(row));
  }
  std::vector<AppliedRow> applied;
  applied.reserve(static_cast<std::size_t>(message.rows_size()));
  for (const auto& row : message.rows()) {
    AppliedRow& change = applied.emplace_back();
    change.revision = row.revision();
    change.deleted = row.deleted();
    change.as_of = ToTime(row.as_of());
    if (row.deleted()) {
      DeleteRow(row.account_id(), change);
    } else {
      AddRow(row.account_id(), change);
      Unpack(row);
      Put(change);
    }
    revision_ = row.revision();
  }
  NoteProgress(message);
  return applied;
}

}  // namespace perennial
