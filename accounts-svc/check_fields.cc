#include "accounts-svc/check_fields.h"

#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/money.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

namespace v1 = perennial::accounts::v1;

facts::FactType TypeOf(const v1::AttributeValue& value) {
  switch (value.value_case()) {
    case v1::AttributeValue::kNumber: return facts::FactType::kNumber;
    case v1::AttributeValue::kFlag: return facts::FactType::kBool;
    case v1::AttributeValue::kTime: return facts::FactType::kTime;
    default: return facts::FactType::kString;
  }
}

void CheckAttribute(const std::string& key, const v1::AttributeValue& value, const std::string& field,
                    const FactNumbering& numbering, BadRequest& bad) {
  const absl::Status key_status = CheckKey(key);
  if (!key_status.ok()) return bad.Add(field, absl::StrCat("has a key that ", key_status.message()));
  if (value.value_case() == v1::AttributeValue::VALUE_NOT_SET) return bad.Add(field, "has no value");
  if (value.has_number() && !std::isfinite(value.number())) return bad.Add(field, "must be a finite number");
  if (value.has_text()) CheckText(field, value.text(), 0, 1024, bad);
  if (value.has_time() && !IsValidTimestamp(value.time())) bad.Add(field, "must lie in the years 1 to 9999");
  bad.AddIfError(field, numbering.CheckAttribute(key, TypeOf(value)));
}

}  // namespace

void CheckText(absl::string_view field, absl::string_view text, std::size_t least, std::size_t most, BadRequest& bad) {
  if (text.size() < least) return bad.Add(field, "is required");
  if (text.size() > most) return bad.Add(field, absl::StrCat("must have at most ", most, " bytes"));
  for (const char c : text) {
    if (absl::ascii_iscntrl(c) && c != '\t' && c != '\n' && c != '\r') {
      return bad.Add(field, "must not have control characters");
    }
  }
}

void CheckTime(absl::string_view field, bool present, const google::protobuf::Timestamp& time, bool required,
               absl::Time latest, BadRequest& bad) {
  if (!present) {
    if (required) bad.Add(field, "is required");
    return;
  }
  if (!IsValidTimestamp(time)) return bad.Add(field, "must lie in the years 1 to 9999");
  if (ToTime(time) > latest) bad.Add(field, "must not lie in the future");
}

void CheckAccountFields(const v1::Account& account, absl::string_view id, absl::string_view prefix,
                        const FactNumbering& numbering, BadRequest& bad) {
  const auto field = [&](absl::string_view name) { return absl::StrCat(prefix, name); };
  CheckText(field("display_name"), account.display_name(), 1, 256, bad);
  CheckText(field("owner"), account.owner(), 0, 256, bad);
  if (!account.parent().empty()) {
    const auto parent = IdOf(account.parent(), "accounts");
    bad.AddIfError(field("parent"), parent.status());
    if (parent.ok() && *parent == id) bad.Add(field("parent"), "must not be the account itself");
  }
  if (account.tags_size() > 64) bad.Add(field("tags"), "must have at most 64 elements");
  std::set<std::string> tags;
  for (int i = 0; i < account.tags_size() && i < 64; ++i) {
    const std::string name = absl::StrCat(prefix, "tags[", i, "]");
    CheckText(name, account.tags(i), 1, 64, bad);
    if (!tags.insert(account.tags(i)).second) bad.Add(name, "is there twice");
  }
  if (account.attributes_size() > 200) return bad.Add(field("attributes"), "must have at most 200 keys");
  for (const auto& [key, value] : account.attributes()) {
    CheckAttribute(key, value, absl::StrCat(prefix, "attributes.", key.substr(0, 64)), numbering, bad);
  }
}

void CheckSubscriptionFields(const v1::Subscription& subscription, absl::string_view prefix, absl::string_view currency,
                             BadRequest& bad) {
  const auto field = [&](absl::string_view name) { return absl::StrCat(prefix, name); };
  CheckText(field("plan"), subscription.plan(), 1, 128, bad);
  if (subscription.seats() < 0 || subscription.seats() > 100'000'000) {
    bad.Add(field("seats"), "must be 0 to 100,000,000");
  }
  if (!subscription.has_mrr()) {
    bad.Add(field("mrr"), "is required");
  } else {
    const auto amount = ParseAmount(subscription.mrr().amount());
    bad.AddIfError(field("mrr.amount"), amount.status());
    if (amount.ok() && *amount < 0) bad.Add(field("mrr.amount"), "must not be negative");
    if (subscription.mrr().currency_code() != currency && !IsCurrencyCode(subscription.mrr().currency_code())) {
      bad.Add(field("mrr.currency_code"),
              absl::StrCat("must be an ISO 4217 code: ", currency, ", the reporting currency, or one that has a rate"));
    }
  }
  const absl::Time ever = absl::InfiniteFuture();
  CheckTime(field("start_time"), subscription.has_start_time(), subscription.start_time(), true, ever, bad);
  CheckTime(field("end_time"), subscription.has_end_time(), subscription.end_time(), false, ever, bad);
  CheckTime(field("renewal_time"), subscription.has_renewal_time(), subscription.renewal_time(), false, ever, bad);
  CheckTime(field("trial_end_time"), subscription.has_trial_end_time(), subscription.trial_end_time(), false, ever, bad);
  if (subscription.has_trial_end_time() && !subscription.trial()) {
    bad.Add(field("trial_end_time"), "is only allowed with trial");
  }
  if (subscription.has_end_time() && subscription.has_start_time() &&
      ToTime(subscription.end_time()) < ToTime(subscription.start_time())) {
    bad.Add(field("end_time"), "must not be before start_time");
  }
}

absl::Status RegisterAttributes(const AccountState& state, absl::string_view prefix, FactNumbering& numbering) {
  constexpr facts::FactType kTypes[] = {facts::FactType::kNumber, facts::FactType::kString, facts::FactType::kBool,
                                        facts::FactType::kTime};
  BadRequest bad;
  for (const auto& [key, value] : state.attributes) {
    const facts::FactType type = kTypes[value.index()];
    if (numbering.ForAttribute(key, type).ok()) continue;
    bad.AddIfError(absl::StrCat(prefix, "attributes.", key), numbering.CheckAttribute(key, type));
  }
  return bad.ToStatus();
}

absl::Time StoredTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixMicros(absl::ToUnixMicros(ToTime(time)));
}

SubscriptionState SubscriptionStateFromProto(const v1::Subscription& subscription, absl::string_view currency) {
  const std::string& code = subscription.mrr().currency_code();
  const auto time = [](bool present, const google::protobuf::Timestamp& value) {
    return present ? std::optional<absl::Time>(StoredTime(value)) : std::nullopt;
  };
  return {.plan = subscription.plan(),
          .seats = subscription.seats(),
          .mrr = ParseAmount(subscription.mrr().amount()).value_or(0),
          .currency = code == currency ? "" : code,
          .trial = subscription.trial(),
          .trial_end = time(subscription.has_trial_end_time(), subscription.trial_end_time()),
          .end = time(subscription.has_end_time(), subscription.end_time()),
          .renewal = time(subscription.has_renewal_time(), subscription.renewal_time()),
          .auto_renew = subscription.auto_renew()};
}

std::string EtagOf(std::int64_t version) { return absl::StrCat("\"v", version, "\""); }

absl::Status CheckEtag(absl::string_view etag, std::int64_t version, absl::string_view what) {
  if (etag.empty() || etag == EtagOf(version)) return absl::OkStatus();
  return WithReason(absl::AbortedError(absl::StrCat(what, ".etag is stale; read the ", what, " again")), "STALE_ETAG");
}

}  // namespace perennial::accounts
