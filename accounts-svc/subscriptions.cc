#include "accounts-svc/subscriptions.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/exchange_rates.h"
#include "accounts-svc/facts/exchange.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"

namespace perennial::accounts {
namespace {

std::string NameOf(absl::string_view account_id, absl::string_view id) {
  return absl::StrCat("accounts/", account_id, "/subscriptions/", id);
}

// The account and the subscription, or NOT_FOUND.
struct Found {
  AccountRecord account;
  SubscriptionRecord subscription;
};
absl::StatusOr<Found> Find(ReadTransaction& transaction, const ChildName& name) {
  PERENNIAL_ASSIGN_OR_RETURN(AccountRecord account, LiveAccount(transaction, name.parent));
  PERENNIAL_ASSIGN_OR_RETURN(auto subscription, transaction.FindSubscription(account.no, name.child));
  if (!subscription.has_value()) return NoSuch(NameOf(name.parent, name.child));
  return Found{std::move(account), *std::move(subscription)};
}

SubscriptionState Merge(SubscriptionState base, const SubscriptionState& from, const std::set<std::string>& paths) {
  if (paths.contains("plan")) base.plan = from.plan;
  if (paths.contains("seats")) base.seats = from.seats;
  if (paths.contains("mrr")) {
    base.mrr = from.mrr;
    base.currency = from.currency;
  }
  if (paths.contains("trial")) base.trial = from.trial;
  if (paths.contains("trial_end_time")) base.trial_end = from.trial_end;
  if (paths.contains("end_time")) base.end = from.end;
  if (paths.contains("renewal_time")) base.renewal = from.renewal;
  if (paths.contains("auto_renew")) base.auto_renew = from.auto_renew;
  // A trial's end means nothing once the trial is over.
  if (!base.trial) base.trial_end.reset();
  return base;
}

// The message with what stays in place of what the mask leaves out, so that one check serves creation and update.
v1::Subscription Checkable(const v1::Subscription& asked, const std::set<std::string>& paths, absl::string_view currency) {
  v1::Subscription checked = asked;
  if (!paths.contains("plan")) checked.set_plan("-");
  if (!paths.contains("seats")) checked.clear_seats();
  if (!paths.contains("mrr")) *checked.mutable_mrr() = ToMoney(0, currency);
  if (!paths.contains("trial_end_time")) checked.clear_trial_end_time();
  if (!paths.contains("trial")) checked.set_trial(true);
  if (!paths.contains("end_time")) checked.clear_end_time();
  if (!paths.contains("renewal_time")) checked.clear_renewal_time();
  checked.mutable_start_time()->set_seconds(-62135596800);  // the earliest; the stored one is compared later
  return checked;
}

// What a change from `effective` on makes of a subscription: the versions that are new or other than before. The change
// holds from then on, so that it applies to later versions too; the last one is the present state. INVALID_ARGUMENT when a
// currency has no rate when a version takes effect.
absl::StatusOr<std::vector<SubscriptionVersion>> Change(ReadTransaction& transaction, Found& found, absl::Time effective,
                                                        const SubscriptionState& from, const std::set<std::string>& paths) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<SubscriptionVersion> versions,
                             transaction.ListSubscriptionVersions(found.account.no, found.subscription.id));
  std::vector<SubscriptionVersion> changed;
  const SubscriptionVersion* held = &versions.front();  // the first one holds before itself too
  for (const SubscriptionVersion& version : versions) {
    if (version.effective <= effective) held = &version;
  }
  const auto apply = [&](const SubscriptionVersion& version, absl::Time since) {
    SubscriptionState state = Merge(version.state, from, paths);
    if (state == version.state) return;
    changed.push_back({version.id, version.start, since, std::move(state)});
  };
  apply(*held, effective);
  if (!changed.empty() && effective < held->effective && held->start < effective) {
    // What held until now goes on to hold before the change.
    changed.insert(changed.begin(), {held->id, held->start, held->start, held->state});
  }
  for (const SubscriptionVersion& version : versions) {
    if (version.effective > effective) apply(version, version.effective);
  }
  for (const SubscriptionVersion& version : changed) {
    const bool first = version.effective <= versions.front().effective;
    PERENNIAL_RETURN_IF_ERROR(CheckRated(transaction, version.state.currency,
                                         RateTime(version.effective, version.start, first),
                                         "subscription.mrr.currency_code"));
  }
  found.subscription.state = Merge(versions.back().state, from, paths);
  return changed;
}

absl::Status PutChange(WriteTransaction& transaction, Found& found, const std::vector<SubscriptionVersion>& changed,
                       absl::Time now) {
  if (changed.empty()) return absl::OkStatus();
  found.subscription.update_time = now;
  ++found.subscription.version;
  transaction.Touch(found.account.no);
  for (const SubscriptionVersion& version : changed) {
    PERENNIAL_RETURN_IF_ERROR(
        transaction.PutSubscriptionVersion(found.account.no, version.id, version.effective, version.state));
  }
  return transaction.PutSubscription(found.account.no, found.subscription);
}

}  // namespace

absl::StatusOr<v1::Subscription> Subscriptions::Standing(absl::string_view account_id, absl::string_view id) {
  v1::Subscription out;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, account_id));
    PERENNIAL_ASSIGN_OR_RETURN(const auto subscription, transaction.FindSubscription(account.no, id));
    if (!subscription.has_value()) return NoSuch(NameOf(account_id, id));
    out = ToProto(account_id, *subscription, currency_);
    return absl::OkStatus();
  }));
  return out;
}

absl::StatusOr<v1::CreateSubscriptionResponse> Subscriptions::Create(const v1::CreateSubscriptionRequest& request) {
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  bad.AddIfError("subscription_id", CheckId(request.subscription_id()));
  if (!request.has_subscription()) bad.Add("subscription", "is required");
  CheckSubscriptionFields(request.subscription(), "subscription.", currency_, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const absl::Time now = clock_.Now();
  const SubscriptionRecord subscription{.id = request.subscription_id(),
                                        .state = SubscriptionStateFromProto(request.subscription(), currency_),
                                        .start = StoredTime(request.subscription().start_time()),
                                        .create_time = now,
                                        .update_time = now};
  AccountNo no = 0;
  const auto check = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    no = account.no;
    PERENNIAL_ASSIGN_OR_RETURN(const auto found, transaction.FindSubscription(account.no, subscription.id));
    if (found.has_value()) {
      return WithReason(absl::AlreadyExistsError(absl::StrCat(NameOf(*account_id, subscription.id), " exists")),
                        "ALREADY_EXISTS");
    }
    return CheckRated(transaction, subscription.state.currency, subscription.start, "subscription.mrr.currency_code");
  };
  v1::CreateSubscriptionResponse response;
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(check));
    *response.mutable_subscription() = ToProto(*account_id, subscription, currency_);
    return response;
  }
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_RETURN_IF_ERROR(check(transaction));
                                  PERENNIAL_RETURN_IF_ERROR(transaction.PutSubscription(no, subscription));
                                  transaction.Touch(no);
                                  return transaction.PutSubscriptionVersion(
                                      no, subscription.id, std::min(subscription.start, now), subscription.state);
                                })
                                .status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_subscription(), Standing(*account_id, subscription.id));
  return response;
}

absl::StatusOr<v1::GetSubscriptionResponse> Subscriptions::Get(const v1::GetSubscriptionRequest& request) {
  const auto name = ChildOf(request.name(), "accounts", "subscriptions");
  if (!name.ok()) return BadField("name", name.status().message());
  v1::GetSubscriptionResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const Found found, Find(transaction, *name));
    *response.mutable_subscription() = ToProto(name->parent, found.subscription, currency_);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListSubscriptionsResponse> Subscriptions::List(const v1::ListSubscriptionsRequest& request) {
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, request.parent(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListSubscriptionsResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(auto subscriptions,
                               transaction.ListSubscriptions(account.no, page.cursor(), page.limit()));
    const auto cursor_of = [](const SubscriptionRecord& subscription) { return subscription.id; };
    return page.Fill(subscriptions, response, cursor_of, [&](const SubscriptionRecord& subscription) {
      *response.add_subscriptions() = ToProto(*account_id, subscription, currency_);
      return absl::OkStatus();
    });
  }));
  return response;
}

absl::StatusOr<v1::UpdateSubscriptionResponse> Subscriptions::Update(const v1::UpdateSubscriptionRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  if (!request.has_subscription()) bad.Add("subscription", "is required");
  const auto name = ChildOf(request.subscription().name(), "accounts", "subscriptions");
  bad.AddIfError("subscription.name", name.status());
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  const std::set<std::string> paths = ResolveUpdateMask(
      request.subscription(), request.has_update_mask() ? &request.update_mask() : nullptr,
      {"plan", "seats", "mrr", "trial", "trial_end_time", "end_time", "renewal_time", "auto_renew"}, {},
      {"name", "create_time", "update_time", "etag"}, bad);
  CheckSubscriptionFields(Checkable(request.subscription(), paths, currency_), "subscription.", currency_, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  const absl::Time effective = request.has_effective_time() ? ToTime(request.effective_time()) : now;
  Found found;
  std::vector<SubscriptionVersion> changed;
  const SubscriptionState asked = SubscriptionStateFromProto(request.subscription(), currency_);
  const auto merge = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(found, Find(transaction, *name));
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.subscription().etag(), found.subscription.version, "subscription"));
    if (request.has_effective_time() && effective < found.subscription.start) {
      return BadField("effective_time", "must not be before the subscription's start_time");
    }
    PERENNIAL_ASSIGN_OR_RETURN(changed, Change(transaction, found, effective, asked, paths));
    BadRequest contradiction;
    if (paths.contains("end_time") && asked.end.has_value() && *asked.end < found.subscription.start) {
      contradiction.Add("subscription.end_time", "must not be before the subscription's start_time");
    }
    if (paths.contains("trial_end_time") && asked.trial_end.has_value() && !found.subscription.state.trial) {
      contradiction.Add("subscription.trial_end_time", "is only allowed with trial");
    }
    return contradiction.ToStatus();
  };
  v1::UpdateSubscriptionResponse response;
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(merge));
    *response.mutable_subscription() = ToProto(name->parent, found.subscription, currency_);
    return response;
  }
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_RETURN_IF_ERROR(merge(transaction));
                                  return PutChange(transaction, found, changed, now);
                                })
                                .status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_subscription(), Standing(name->parent, name->child));
  return response;
}

absl::StatusOr<v1::CancelSubscriptionResponse> Subscriptions::Cancel(const v1::CancelSubscriptionRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  const auto name = ChildOf(request.name(), "accounts", "subscriptions");
  bad.AddIfError("name", name.status());
  CheckTime("end_time", request.has_end_time(), request.end_time(), false, absl::InfiniteFuture(), bad);
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const absl::Time end = request.has_end_time() ? StoredTime(request.end_time()) : now;
  PERENNIAL_RETURN_IF_ERROR(
      store_
          .Write([&](WriteTransaction& transaction) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
            if (!first) return absl::OkStatus();
            PERENNIAL_ASSIGN_OR_RETURN(Found found, Find(transaction, *name));
            PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), found.subscription.version, "subscription"));
            if (end < found.subscription.start) {
              return BadField("end_time", "must not be before the subscription's start_time");
            }
            const auto present_end = found.subscription.state.end;
            // Cancelled again without a time, it has ended when it has.
            if (!request.has_end_time() && present_end.has_value() && *present_end <= now) return absl::OkStatus();
            // An end that lies ahead leaves the past as it was. One in the past that is later than it had: it ran on until then.
            const absl::Time effective = end > now ? now : std::min(end, present_end.value_or(end));
            PERENNIAL_ASSIGN_OR_RETURN(const auto changed,
                                       Change(transaction, found, std::max(effective, found.subscription.start),
                                              {.end = end}, {"end_time"}));
            return PutChange(transaction, found, changed, now);
          })
          .status());
  v1::CancelSubscriptionResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_subscription(), Standing(name->parent, name->child));
  return response;
}

}  // namespace perennial::accounts
