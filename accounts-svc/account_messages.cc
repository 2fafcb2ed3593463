#include "accounts-svc/account_messages.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/error_details.h"
#include "common/base/money.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {

namespace v1 = perennial::accounts::v1;

v1::LifecyclePhase ToProto(Phase phase) { return static_cast<v1::LifecyclePhase>(phase); }

absl::StatusOr<v1::Account> ToProto(const AccountRecord& account, ReadTransaction& transaction) {
  v1::Account out;
  out.set_name(absl::StrCat("accounts/", account.id));
  StateToProto(account.state, &out);
  SetTimestamp(account.customer_since, out.mutable_customer_since());
  SetTimestamp(account.create_time, out.mutable_create_time());
  SetTimestamp(account.update_time, out.mutable_update_time());
  if (account.delete_time.has_value()) SetTimestamp(*account.delete_time, out.mutable_delete_time());
  out.set_etag(EtagOf(account.version));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<PhaseChange> phases, transaction.ListPhaseChanges(account.no));
  if (!phases.empty()) {
    out.set_phase(ToProto(phases.back().phase));
    SetTimestamp(phases.back().time, out.mutable_phase_start_time());
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<FeedRow> facts, transaction.FindFacts(account.no));
  if (facts.has_value()) out.set_revision(facts->revision);
  return out;
}

perennial::type::v1::Money ToMoney(Micros micros, absl::string_view currency) {
  perennial::type::v1::Money money;
  money.set_amount(FormatAmount(micros));
  money.set_currency_code(std::string(currency));
  return money;
}

v1::Subscription ToProto(absl::string_view account_id, const SubscriptionRecord& subscription, absl::string_view currency) {
  v1::Subscription out;
  const SubscriptionState& state = subscription.state;
  out.set_name(absl::StrCat("accounts/", account_id, "/subscriptions/", subscription.id));
  out.set_plan(state.plan);
  out.set_seats(state.seats);
  *out.mutable_mrr() = ToMoney(state.mrr, state.currency.empty() ? currency : absl::string_view(state.currency));
  out.set_trial(state.trial);
  if (state.trial_end.has_value()) SetTimestamp(*state.trial_end, out.mutable_trial_end_time());
  SetTimestamp(subscription.start, out.mutable_start_time());
  if (state.end.has_value()) SetTimestamp(*state.end, out.mutable_end_time());
  if (state.renewal.has_value()) SetTimestamp(*state.renewal, out.mutable_renewal_time());
  out.set_auto_renew(state.auto_renew);
  SetTimestamp(subscription.create_time, out.mutable_create_time());
  SetTimestamp(subscription.update_time, out.mutable_update_time());
  out.set_etag(EtagOf(subscription.version));
  return out;
}

v1::PhaseChange ToProto(const PhaseChange& change) {
  v1::PhaseChange out;
  out.set_phase(ToProto(change.phase));
  SetTimestamp(change.time, out.mutable_enter_time());
  out.set_cause(change.cause);
  out.set_author(change.author);
  return out;
}

absl::Status NoSuch(absl::string_view name) {
  return WithReason(absl::NotFoundError(absl::StrCat(name, " does not exist")), "NOT_FOUND");
}

absl::StatusOr<AccountRecord> LiveAccount(ReadTransaction& transaction, absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<AccountRecord> account, transaction.FindAccount(id));
  if (!account.has_value() || account->delete_time.has_value()) return NoSuch(absl::StrCat("accounts/", id));
  return *std::move(account);
}

absl::StatusOr<AccountRecord> KnownAccount(ReadTransaction& transaction, absl::string_view id) {
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<AccountRecord> account, transaction.FindAccount(id));
  if (!account.has_value()) return NoSuch(absl::StrCat("accounts/", id));
  return *std::move(account);
}

}  // namespace perennial::accounts
