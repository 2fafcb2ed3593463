#include "tests/health/fake_accounts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/time_util.h"

namespace perennial::health {
namespace {

namespace accounts_v1 = perennial::accounts::v1;

constexpr int kRowsAtOnce = 100;

}  // namespace

FakeAccounts::FakeAccounts() : as_of_(absl::FromUnixSeconds(1735603199)) {
  {
    MutexLock lock(mu_);
    (void)Define("phase", accounts_v1::FACT_TYPE_STRING);  // as the real one has it from the start
  }
  auto server = Server::Start({.grace = std::chrono::milliseconds(2000)}, {this, &phase_service_, &ledger_, &records_},
                              {accounts_v1::FactService::service_full_name()});
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = server_->InProcessChannel();
}

FakeAccounts::~FakeAccounts() {
  server_->Stop([this] { hub_.Drain(); });
}

std::uint32_t FakeAccounts::Define(const std::string& name, accounts_v1::FactType type) {
  const auto found = definitions_.find(name);
  if (found != definitions_.end()) return found->second.id();
  accounts_v1::FactDefinition definition;
  definition.set_id(static_cast<std::uint32_t>(definitions_.size()) + 100);
  definition.set_name(name);
  definition.set_type(type);
  if (name == "nps.latest") definition.set_age_fact("nps.days_since");
  if (name == "pulse.latest") definition.set_age_fact("pulse.days_since");
  names_[definition.id()] = name;
  definitions_[name] = definition;
  return definition.id();
}

accounts_v1::PackedFacts FakeAccounts::Pack(const std::string& account, const FactMap& facts, absl::Time as_of) {
  std::map<std::uint32_t, double> numbers;
  std::map<std::uint32_t, std::string> texts;
  for (const auto& [name, value] : facts) {
    if (const auto* number = std::get_if<double>(&value)) {
      numbers[Define(name, accounts_v1::FACT_TYPE_NUMBER)] = *number;
    } else if (const auto* flag = std::get_if<bool>(&value)) {
      numbers[Define(name, accounts_v1::FACT_TYPE_BOOL)] = *flag ? 1 : 0;
    } else {
      texts[Define(name, accounts_v1::FACT_TYPE_STRING)] = std::get<std::string>(value);
    }
  }
  accounts_v1::PackedFacts row;
  row.set_account_id(account);
  *row.mutable_as_of() = ToTimestamp(as_of);
  for (const auto& [id, number] : numbers) {
    row.add_number_ids(id);
    row.add_number_values(number);
  }
  for (const auto& [id, text] : texts) {
    row.add_text_ids(id);
    row.add_text_values(text);
  }
  const auto phase = facts.find("phase");
  if (phase != facts.end()) phases_[account][as_of] = std::get<std::string>(phase->second);
  return row;
}

std::int64_t FakeAccounts::Put(const std::string& account, const FactMap& facts) {
  std::int64_t revision = 0;
  {
    MutexLock lock(mu_);
    accounts_v1::PackedFacts row = Pack(account, facts, as_of_);
    row.set_revision(revision = ++revision_);
    past_[account][as_of_] = row;
    rows_[account] = std::move(row);
  }
  hub_.WakeAll();
  return revision;
}

void FakeAccounts::PutPast(const std::string& account, const FactMap& facts, absl::Time as_of) {
  MutexLock lock(mu_);
  past_[account][as_of] = Pack(account, facts, as_of);
}

const accounts_v1::PackedFacts* FakeAccounts::RowAt(const std::string& account, absl::Time as_of) {
  const auto found = past_.find(account);
  if (found == past_.end()) return nullptr;
  const auto after = found->second.upper_bound(as_of);
  return after == found->second.begin() ? nullptr : &std::prev(after)->second;
}

grpc::ServerUnaryReactor* FakeAccounts::GetFacts(grpc::CallbackServerContext* context,
                                                 const accounts_v1::GetFactsRequest* request,
                                                 accounts_v1::GetFactsResponse* response) {
  auto* reactor = context->DefaultReactor();
  MutexLock lock(mu_);
  const absl::Time as_of = request->has_as_of() ? ToTime(request->as_of()) : absl::InfiniteFuture();
  const accounts_v1::PackedFacts* row = RowAt(request->name().substr(std::string("accounts/").size()), as_of);
  if (row == nullptr) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "not there"));
    return reactor;
  }
  response->set_name(request->name());
  *response->mutable_as_of() = request->has_as_of() ? request->as_of() : row->as_of();
  response->set_revision(row->revision());
  for (int i = 0; i < row->number_ids_size(); ++i) {
    const accounts_v1::FactDefinition& definition = definitions_[names_[row->number_ids(i)]];
    accounts_v1::Fact* fact = response->add_facts();
    fact->set_name(definition.name());
    if (definition.type() == accounts_v1::FACT_TYPE_BOOL) {
      fact->set_flag(row->number_values(i) != 0);
    } else {
      fact->set_number(row->number_values(i));
    }
  }
  for (int i = 0; i < row->text_ids_size(); ++i) {
    accounts_v1::Fact* fact = response->add_facts();
    fact->set_name(names_[row->text_ids(i)]);
    fact->set_text(row->text_values(i));
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeAccounts::Phases::ListPhaseChanges(grpc::CallbackServerContext* context,
                                                                 const accounts_v1::ListPhaseChangesRequest* request,
                                                                 accounts_v1::ListPhaseChangesResponse* response) {
  auto* reactor = context->DefaultReactor();
  MutexLock lock(fake_.mu_);
  std::string before;
  for (const auto& [time, phase] : fake_.phases_[request->parent().substr(std::string("accounts/").size())]) {
    if (phase == before) continue;
    before = phase;
    accounts_v1::PhaseChange* change = response->add_phase_changes();
    accounts_v1::LifecyclePhase value = accounts_v1::LIFECYCLE_PHASE_UNSPECIFIED;
    (void)accounts_v1::LifecyclePhase_Parse("LIFECYCLE_PHASE_" + phase, &value);
    change->set_phase(value);
    *change->mutable_enter_time() = ToTimestamp(time);
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<accounts_v1::ExportFactsResponse>* FakeAccounts::ExportFacts(
    grpc::CallbackServerContext*, const accounts_v1::ExportFactsRequest* request) {
  const auto told = std::make_shared<bool>(false);
  const absl::Time as_of = request->has_as_of() ? ToTime(request->as_of()) : absl::InfiniteFuture();
  return WatchStream<accounts_v1::ExportFactsResponse>::Start(
      hub_, pool_,
      [this, told, as_of]() -> absl::StatusOr<std::optional<accounts_v1::ExportFactsResponse>> {
        if (std::exchange(*told, true)) return std::nullopt;
        MutexLock lock(mu_);
        if (interrupted_) return absl::UnavailableError("interrupted by the test");
        accounts_v1::ExportFactsResponse response;
        for (const auto& [name, definition] : definitions_) *response.add_definitions() = definition;
        for (const auto& [account, rows] : past_) {
          if (const accounts_v1::PackedFacts* row = RowAt(account, as_of)) *response.add_rows() = *row;
        }
        return response;
      },
      /*finite=*/true);
}

void FakeAccounts::Churn(const std::string& account, absl::Time time) {
  MutexLock lock(mu_);
  churns_.emplace(time, account);
}

grpc::ServerUnaryReactor* FakeAccounts::Ledger::ListRevenueMovements(
    grpc::CallbackServerContext* context, const accounts_v1::ListRevenueMovementsRequest* request,
    accounts_v1::ListRevenueMovementsResponse* response) {
  constexpr int kMovementsAPage = 3;
  auto* reactor = context->DefaultReactor();
  MutexLock lock(fake_.mu_);
  int number = 0;
  const int first = request->page_token().empty() ? 0 : std::stoi(request->page_token());
  for (const auto& [time, account] : fake_.churns_) {
    if (time < ToTime(request->start_time()) || time >= ToTime(request->end_time())) continue;
    if (number++ < first) continue;
    if (response->movements_size() == kMovementsAPage) {
      response->set_next_page_token(std::to_string(number - 1));
      break;
    }
    accounts_v1::RevenueMovement* movement = response->add_movements();
    movement->set_account("accounts/" + account);
    movement->set_kind(accounts_v1::MOVEMENT_KIND_CHURN);
    *movement->mutable_effective_time() = ToTimestamp(time);
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

void FakeAccounts::PutRelationship(const std::string& account, absl::Time start, std::optional<absl::Time> end) {
  MutexLock lock(mu_);
  accounts_v1::AccountLedger& ledger = ledgers_[account];
  ledger.set_account("accounts/" + account);
  ledger.set_revision(static_cast<std::int64_t>(ledgers_.size()));
  accounts_v1::RevenueMovement* began = ledger.add_movements();
  began->set_kind(ledger.movements_size() == 1 ? accounts_v1::MOVEMENT_KIND_NEW : accounts_v1::MOVEMENT_KIND_REACTIVATION);
  *began->mutable_effective_time() = ToTimestamp(start);
  if (!end.has_value()) return;
  accounts_v1::RevenueMovement* ended = ledger.add_movements();
  ended->set_kind(accounts_v1::MOVEMENT_KIND_CHURN);
  *ended->mutable_effective_time() = ToTimestamp(*end);
}

void FakeAccounts::PutUsage(const std::string& metric, const std::string& account, std::int64_t day, double value) {
  MutexLock lock(mu_);
  usage_[metric][account][day] += value;
}

grpc::ServerWriteReactor<accounts_v1::WatchRevenueMovementsResponse>* FakeAccounts::Ledger::WatchRevenueMovements(
    grpc::CallbackServerContext*, const accounts_v1::WatchRevenueMovementsRequest*) {
  const auto told = std::make_shared<bool>(false);
  return WatchStream<accounts_v1::WatchRevenueMovementsResponse>::Start(
      fake_.hub_, fake_.pool_,
      [this, told]() -> absl::StatusOr<std::optional<accounts_v1::WatchRevenueMovementsResponse>> {
        if (std::exchange(*told, true)) return std::nullopt;
        MutexLock lock(fake_.mu_);
        accounts_v1::WatchRevenueMovementsResponse response;
        for (const auto& [account, ledger] : fake_.ledgers_) *response.add_ledgers() = ledger;
        response.set_caught_up(true);
        return response;
      });
}

grpc::ServerWriteReactor<accounts_v1::ExportDailyUsageResponse>* FakeAccounts::Records::ExportDailyUsage(
    grpc::CallbackServerContext*, const accounts_v1::ExportDailyUsageRequest* request) {
  const auto told = std::make_shared<bool>(false);
  const std::string metric = request->metric();
  return WatchStream<accounts_v1::ExportDailyUsageResponse>::Start(
      fake_.hub_, fake_.pool_,
      [this, told, metric]() -> absl::StatusOr<std::optional<accounts_v1::ExportDailyUsageResponse>> {
        if (std::exchange(*told, true)) return std::nullopt;
        MutexLock lock(fake_.mu_);
        accounts_v1::ExportDailyUsageResponse response;
        for (const auto& [account, days] : fake_.usage_[metric]) {
          accounts_v1::AccountDailyUsage* usage = response.add_accounts();
          usage->set_account("accounts/" + account);
          for (const auto& [day, value] : days) {
            usage->add_days(static_cast<std::int32_t>(day));
            usage->add_values(value);
          }
        }
        return response;
      },
      /*finite=*/true);
}

std::int64_t FakeAccounts::Delete(const std::string& account) {
  std::int64_t revision = 0;
  {
    MutexLock lock(mu_);
    accounts_v1::PackedFacts row;
    row.set_account_id(account);
    row.set_revision(revision = ++revision_);
    row.set_deleted(true);
    rows_[account] = std::move(row);
  }
  hub_.WakeAll();
  return revision;
}

void FakeAccounts::Purge(const std::string& account) {
  MutexLock lock(mu_);
  rows_.erase(account);
}

void FakeAccounts::PutBack(const std::map<std::string, FactMap>& accounts) {
  {
    MutexLock lock(mu_);
    rows_.clear();
    revision_ = 0;
  }
  for (const auto& [account, facts] : accounts) (void)Put(account, facts);
}

void FakeAccounts::SetAsOf(absl::Time as_of) {
  MutexLock lock(mu_);
  as_of_ = as_of;
}

std::int64_t FakeAccounts::revision() {
  MutexLock lock(mu_);
  return revision_;
}

std::string FakeAccounts::address() const { return absl::StrCat("127.0.0.1:", server_->port()); }

void FakeAccounts::Interrupt() {
  {
    MutexLock lock(mu_);
    interrupted_ = true;
  }
  hub_.WakeAll();
}

void FakeAccounts::Resume() {
  MutexLock lock(mu_);
  interrupted_ = false;
}

absl::StatusOr<std::optional<accounts_v1::WatchFactsResponse>> FakeAccounts::Next(Reader& reader) {
  MutexLock lock(mu_);
  if (interrupted_) return absl::UnavailableError("interrupted by the test");
  if (reader.sent > revision_) return absl::OutOfRangeError("never given out");
  accounts_v1::WatchFactsResponse out;
  std::vector<const accounts_v1::PackedFacts*> rows;
  for (const auto& [account, row] : rows_) {
    const bool wanted = Fnv1a64(account) % static_cast<std::uint64_t>(reader.shards) == static_cast<std::uint64_t>(reader.shard);
    if (wanted && row.revision() > reader.sent) rows.push_back(&row);
  }
  std::sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->revision() < b->revision(); });
  if (rows.empty() && reader.told && reader.sent == revision_) return std::nullopt;
  const bool all = rows.size() <= kRowsAtOnce;
  if (!all) rows.resize(kRowsAtOnce);
  for (const accounts_v1::PackedFacts* row : rows) *out.add_rows() = *row;
  int number = 0;
  for (const auto& [id, name] : names_) {
    if (number++ >= reader.definitions) *out.add_definitions() = definitions_[name];
  }
  reader.definitions = number;
  reader.sent = all ? revision_ : rows.back()->revision();
  reader.told = true;
  out.set_progress_revision(reader.sent);
  out.set_caught_up(all);
  *out.mutable_server_time() = ToTimestamp(as_of_);
  return out;
}

grpc::ServerWriteReactor<accounts_v1::WatchFactsResponse>* FakeAccounts::WatchFacts(
    grpc::CallbackServerContext*, const accounts_v1::WatchFactsRequest* request) {
  const auto reader = std::make_shared<Reader>(Reader{.sent = request->start_revision()});
  reader->shard = request->shard_index();
  reader->shards = std::max(1, request->shard_count());
  return WatchStream<accounts_v1::WatchFactsResponse>::Start(hub_, pool_, [this, reader] { return Next(*reader); });
}

}  // namespace perennial::health
