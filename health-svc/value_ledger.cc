#include "health-svc/value_ledger.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/facts/fact_catalogue.h"
#include "common/server/grpc_status.h"

namespace perennial::health {
namespace {

namespace accounts_v1 = perennial::accounts::v1;

std::string AccountOf(absl::string_view name) {
  (void)absl::ConsumePrefix(&name, "accounts/");
  return std::string(name);
}

// Whole months from one moment to another, and whether nothing is left over, by days: a month ends with the day of the
// month that it began on, or the last there is.
struct Months {
  int whole = 0;
  bool even = false;
};

Months MonthsBetween(absl::Time start, absl::Time end) {
  const absl::CivilDay first = absl::ToCivilDay(start, absl::UTCTimeZone());
  const absl::CivilDay last = absl::ToCivilDay(end, absl::UTCTimeZone());
  const auto after = [&](int months) {
    const absl::CivilMonth month = absl::CivilMonth(first) + months;
    const auto days = static_cast<int>(absl::CivilDay(month + 1) - absl::CivilDay(month));
    return absl::CivilDay(month) + std::min(first.day(), days) - 1;
  };
  int whole = std::max(0, static_cast<int>(absl::CivilMonth(last) - absl::CivilMonth(first)));
  if (whole > 0 && after(whole) > last) --whole;
  return {.whole = whole, .even = after(whole) == last};
}

}  // namespace

std::vector<Relationship> RelationshipsOf(const accounts_v1::AccountLedger& ledger, absl::Time end_time) {
  std::vector<Relationship> out;
  for (const accounts_v1::RevenueMovement& movement : ledger.movements()) {
    const absl::Time time = ToTime(movement.effective_time());
    if (time > end_time) break;
    const bool begins =
        movement.kind() == accounts_v1::MOVEMENT_KIND_NEW || movement.kind() == accounts_v1::MOVEMENT_KIND_REACTIVATION;
    const bool open = !out.empty() && !out.back().end.has_value();
    if (begins && !open) out.push_back({.start = time});
    if (movement.kind() == accounts_v1::MOVEMENT_KIND_CHURN && open) out.back().end = time;
  }
  return out;
}

value::Renewals::Customer CustomerOf(const Relationship& relationship, int period_months, absl::Time end_time) {
  const Months months = MonthsBetween(relationship.start, relationship.end.value_or(end_time));
  const int renewals = months.whole / period_months;
  const bool at_renewal = months.even && months.whole % period_months == 0;
  if (!relationship.end.has_value()) return {.renewals = renewals, .lost = false};
  return {.renewals = at_renewal ? std::max(0, renewals - 1) : renewals, .lost = true};
}

std::optional<Purchases> BoughtBy(const accounts_v1::AccountDailyUsage& usage, std::int64_t end_day) {
  Purchases out;
  double values = 0;
  int days = 0;
  for (int i = 0; i < usage.days_size(); ++i) {
    if (usage.days(i) > end_day) break;
    if (days++ == 0) out.first_day = usage.days(i);
    out.last_day = usage.days(i);
    if (days > 1 && i < usage.values_size()) values += usage.values(i);
  }
  if (days == 0) return std::nullopt;
  out.repeats = days - 1;
  if (days > 1 && std::isfinite(values)) out.mean_value = std::max(0.0, values / out.repeats);
  return out;
}

absl::StatusOr<const accounts_v1::AccountLedger*> LedgerParts::Add(const accounts_v1::AccountLedger& part) {
  if (part.continues_previous() != begun_.continues_next() ||
      (part.continues_previous() && (part.account() != begun_.account() || part.revision() != begun_.revision()))) {
    return absl::DataLossError("the feed of ledgers sent parts that do not belong together");
  }
  if (!part.continues_previous() && !part.continues_next()) return &part;
  begun_.MergeFrom(part);
  begun_.set_continues_next(part.continues_next());
  if (part.continues_next()) return nullptr;
  whole_.Clear();
  whole_.Swap(&begun_);
  whole_.clear_continues_previous();
  return &whole_;
}

absl::Status ValueHistory::VisitLedgers(
    const MakeContext& make_context,
    const std::function<void(const std::string&, const accounts_v1::AccountLedger&)>& visit) const {
  const std::unique_ptr<grpc::ClientContext> context = make_context();
  const auto stream = subscriptions_->WatchRevenueMovements(context.get(), {});
  accounts_v1::WatchRevenueMovementsResponse message;
  LedgerParts parts;
  absl::flat_hash_set<std::string> visited;  // one that changes meanwhile comes again, with a new revision
  absl::Status nonsense;
  bool caught_up = false;
  while (!caught_up && nonsense.ok() && stream->Read(&message)) {
    for (const accounts_v1::AccountLedger& part : message.ledgers()) {
      const absl::StatusOr<const accounts_v1::AccountLedger*> whole = parts.Add(part);
      nonsense.Update(whole.status());
      if (!whole.ok()) break;
      if (*whole == nullptr || (*whole)->deleted()) continue;
      std::string account = AccountOf((*whole)->account());
      if (visited.insert(account).second) visit(account, **whole);
    }
    caught_up = message.caught_up();
  }
  // The stream would go on with what is new.
  if (caught_up || !nonsense.ok()) context->TryCancel();
  const grpc::Status ended = stream->Finish();
  PERENNIAL_RETURN_IF_ERROR(nonsense);
  if (caught_up) return absl::OkStatus();
  return ended.ok() ? absl::UnavailableError("the ledger ended before all of it had come") : FromGrpcStatus(ended);
}

absl::Status ValueHistory::VisitDailyUsage(
    const std::string& metric, std::optional<absl::Time> end_time, const MakeContext& make_context,
    const std::function<bool(const std::string&, const accounts_v1::AccountDailyUsage&)>& visit) const {
  const std::unique_ptr<grpc::ClientContext> context = make_context();
  accounts_v1::ExportDailyUsageRequest request;
  request.set_metric(metric);
  if (end_time.has_value()) SetTimestamp(*end_time, request.mutable_end_time());
  const auto stream = records_->ExportDailyUsage(context.get(), request);
  accounts_v1::ExportDailyUsageResponse message;
  bool go_on = true;
  while (go_on && stream->Read(&message)) {
    for (const accounts_v1::AccountDailyUsage& usage : message.accounts()) {
      go_on = go_on && visit(AccountOf(usage.account()), usage);
    }
  }
  if (!go_on) context->TryCancel();
  const grpc::Status ended = stream->Finish();
  return go_on ? FromGrpcStatus(ended) : absl::OkStatus();
}

absl::StatusOr<std::optional<absl::flat_hash_set<std::string>>> ValueHistory::Selected(
    const std::string& filter, const MakeContext& make_context) const {
  if (filter.empty()) return std::nullopt;
  absl::flat_hash_set<std::string> selected;
  facts::FactCatalogue catalogue;
  PERENNIAL_RETURN_IF_ERROR(
      past_.VisitAllAsOf(std::nullopt, filter, make_context, catalogue,
                         [&](const std::string& account, const facts::FactRow&) { selected.insert(account); }));
  return selected;
}

}  // namespace perennial::health
