#include "tests/segments/feed_models.h"

#include "common/base/money.h"
#include "common/base/time_util.h"
#include "common/facts/packed_facts.h"

namespace perennial::segments::testing {
namespace {

// What health-svc's feeds tell of the newest `updates` by account that are past `revision`, in order.
template <class Response, class Updates>
Response NewerThan(std::int64_t revision, const Updates& updates, std::int64_t progress, std::int64_t facts_revision) {
  Response message;
  std::map<std::int64_t, const typename Updates::mapped_type*> newer;
  for (const auto& [account, update] : updates) {
    if (update.revision() > revision) newer[update.revision()] = &update;
  }
  for (const auto& [at, update] : newer) *message.add_updates() = *update;
  message.set_progress_revision(progress);
  message.set_facts_revision(facts_revision);
  message.set_caught_up(true);
  return message;
}

}  // namespace

absl::Time TestTime() { return absl::FromCivil(absl::CivilSecond(2024, 12, 31, 23, 59, 59), absl::UTCTimeZone()); }

void AccountsFeed::Define(const std::string& name, facts::FactType type, const std::string& unit) {
  (void)catalogue_.Add({.name = name, .type = type, .unit = unit});
}

std::int64_t AccountsFeed::Put(const std::string& account, const Values& values, absl::Time as_of) {
  Row row{.revision = ++revision_, .deleted = false, .as_of = as_of, .facts = {}};
  for (const auto& [name, value] : values) {
    if (const auto* number = std::get_if<double>(&value)) {
      row.facts.SetNumber(*catalogue_.Add({.name = name, .type = facts::FactType::kNumber}), *number);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      row.facts.SetText(*catalogue_.Add({.name = name, .type = facts::FactType::kString}), *text);
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      row.facts.SetNumber(*catalogue_.Add({.name = name, .type = facts::FactType::kBool}), *flag ? 1 : 0);
    } else {
      const double seconds = absl::ToDoubleSeconds(std::get<absl::Time>(value) - absl::UnixEpoch());
      row.facts.SetNumber(*catalogue_.Add({.name = name, .type = facts::FactType::kTime}), seconds);
    }
  }
  rows_[account] = row;
  return revision_;
}

std::int64_t AccountsFeed::Delete(const std::string& account, absl::Time as_of) {
  rows_[account] = {.revision = ++revision_, .deleted = true, .as_of = as_of, .facts = {}};
  return revision_;
}

perennial::accounts::v1::WatchFactsResponse AccountsFeed::Since(std::int64_t revision) const {
  perennial::accounts::v1::WatchFactsResponse message;
  for (facts::FactId id = 0; id < catalogue_.size(); ++id) {
    *message.add_definitions() = facts::ToProto(id, catalogue_.Get(id));
  }
  std::map<std::int64_t, const std::pair<const std::string, Row>*> newer;
  for (const auto& row : rows_) {
    if (row.second.revision > revision) newer[row.second.revision] = &row;
  }
  for (const auto& [at, row] : newer) {
    auto* packed = message.add_rows();
    packed->set_account_id(row->first);
    packed->set_revision(at);
    packed->set_deleted(row->second.deleted);
    SetTimestamp(row->second.as_of, packed->mutable_as_of());
    facts::Pack(row->second.facts, packed);
  }
  message.set_progress_revision(revision_);
  message.set_caught_up(true);
  SetTimestamp(TestTime(), message.mutable_server_time());
  return message;
}

std::int64_t ScoresFeed::Put(const std::string& account, const Score& score, absl::Time as_of) {
  perennial::health::v1::HealthScoreUpdate update;
  update.set_account_id(account);
  update.set_revision(++revision_);
  auto* out = update.mutable_health_score();
  out->set_name("accounts/" + account + "/healthScore");
  if (score.score.has_value()) out->set_score(*score.score);
  out->set_band(score.band);
  if (score.band_time.has_value()) SetTimestamp(*score.band_time, out->mutable_band_time());
  out->set_coverage(score.score.has_value() ? 1 : 0);
  out->set_facts_revision(score.facts_revision);
  out->set_revision(revision_);
  SetTimestamp(as_of, out->mutable_as_of());
  for (const auto& [id, points] : score.measures) {
    auto* measure = out->add_measures();
    measure->set_measure(id);
    measure->set_score(points);
  }
  for (const std::string& flag : score.open_flags) out->add_open_flags(flag);
  rows_[account] = update;
  return revision_;
}

std::int64_t ScoresFeed::Delete(const std::string& account) {
  perennial::health::v1::HealthScoreUpdate update;
  update.set_account_id(account);
  update.set_revision(++revision_);
  update.set_deleted(true);
  rows_[account] = update;
  return revision_;
}

perennial::health::v1::WatchHealthScoresResponse ScoresFeed::Since(std::int64_t revision) const {
  return NewerThan<perennial::health::v1::WatchHealthScoresResponse>(revision, rows_, revision_, facts_revision_);
}

std::int64_t ValuesFeed::Put(const std::string& account, double clv, std::int64_t facts_revision) {
  perennial::health::v1::ValueUpdate update;
  update.set_account_id(account);
  update.set_revision(++revision_);
  auto* value = update.mutable_value();
  value->set_name("accounts/" + account + "/value");
  value->mutable_clv()->set_currency_code("USD");
  value->mutable_clv()->set_amount(FormatAmount(MicrosOfNumber(clv)));
  value->set_facts_revision(facts_revision);
  rows_[account] = update;
  return revision_;
}

perennial::health::v1::WatchValuesResponse ValuesFeed::Since(std::int64_t revision) const {
  return NewerThan<perennial::health::v1::WatchValuesResponse>(revision, rows_, revision_, facts_revision_);
}

}  // namespace perennial::segments::testing
