#include "accounts-svc/lifecycle_rules.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/paging.h"
#include "common/base/error_details.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"

namespace perennial::accounts {
namespace {

constexpr int kMostSteps = 64;
constexpr int kMostDays = 3650;

void CheckRange(absl::string_view field, std::int64_t value, std::int64_t least, std::int64_t most, BadRequest& bad) {
  if (value < least || value > most) bad.Add(field, absl::StrCat("must be ", least, " to ", most));
}

void CheckRules(const v1::LifecycleRules& rules, BadRequest& bad) {
  // Written so that NaN is refused too.
  if (rules.has_adoption_at_progress() && !(rules.adoption_at_progress() >= 0 && rules.adoption_at_progress() <= 1)) {
    bad.Add("rules.adoption_at_progress", "must be 0 to 1, or absent");
  }
  if (rules.adoption_at_steps_size() > kMostSteps) {
    bad.Add("rules.adoption_at_steps", absl::StrCat("must have at most ", kMostSteps, " elements"));
  }
  std::set<std::string> steps;
  for (int i = 0; i < rules.adoption_at_steps_size() && i < kMostSteps; ++i) {
    const std::string field = absl::StrCat("rules.adoption_at_steps[", i, "]");
    bad.AddIfError(field, CheckKey(rules.adoption_at_steps(i)));
    if (!steps.insert(rules.adoption_at_steps(i)).second) bad.Add(field, "is there twice");
  }
  CheckRange("rules.adoption_after_days", rules.adoption_after_days(), 0, kMostDays, bad);
  CheckRange("rules.success_after_days", rules.success_after_days(), 1, kMostDays, bad);
  CheckRange("rules.success_after_goals", rules.success_after_goals(), 0, 100, bad);
  CheckRange("rules.churn_grace_days", rules.churn_grace_days(), 0, 365, bad);
}

LifecycleRules FromProto(const v1::LifecycleRules& rules, std::int64_t revision) {
  LifecycleRules out{.revision = revision,
                     .adoption_at_progress = std::nullopt,
                     .adoption_at_steps = {rules.adoption_at_steps().begin(), rules.adoption_at_steps().end()},
                     .adoption_after_days = rules.adoption_after_days(),
                     .success_after_days = rules.success_after_days(),
                     .success_after_goals = rules.success_after_goals(),
                     .churn_grace_days = rules.churn_grace_days()};
  if (rules.has_adoption_at_progress()) out.adoption_at_progress = rules.adoption_at_progress();
  return out;
}

}  // namespace

v1::LifecycleRules ToProto(const LifecycleRevision& revision) {
  const LifecycleRules& rules = revision.rules;
  v1::LifecycleRules out;
  if (rules.adoption_at_progress.has_value()) out.set_adoption_at_progress(*rules.adoption_at_progress);
  for (const std::string& step : rules.adoption_at_steps) out.add_adoption_at_steps(step);
  out.set_adoption_after_days(rules.adoption_after_days);
  out.set_success_after_days(rules.success_after_days);
  out.set_success_after_goals(rules.success_after_goals);
  out.set_churn_grace_days(rules.churn_grace_days);
  out.set_revision(rules.revision);
  out.set_etag(EtagOf(rules.revision));
  out.set_author(revision.author);
  out.set_note(revision.note);
  if (revision.time.has_value()) SetTimestamp(*revision.time, out.mutable_revision_time());
  return out;
}

absl::StatusOr<v1::GetLifecycleRulesResponse> Lifecycle::GetRules(const v1::GetLifecycleRulesRequest& request) {
  if (request.revision() < 0) {
    BadRequest bad;
    bad.Add("revision", "must not be negative");
    return bad.ToStatus();
  }
  v1::GetLifecycleRulesResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const auto revision, transaction.FindLifecycleRules(request.revision()));
    if (!revision.has_value())
      return NoSuch(absl::StrCat("revision ", request.revision(), " of the lifecycle's rules"));
    *response.mutable_rules() = ToProto(*revision);
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::UpdateLifecycleRulesResponse> Lifecycle::UpdateRules(
    const v1::UpdateLifecycleRulesRequest& request) {
  const absl::Time now = clock_.Now();
  BadRequest bad;
  if (!request.has_rules()) bad.Add("rules", "is required");
  if (request.has_rules()) CheckRules(request.rules(), bad);
  CheckText("author", request.author(), 1, 128, bad);
  CheckText("note", request.note(), 0, 1000, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  LifecycleRevision next;
  bool changed = false;
  const auto plan = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const auto present, transaction.FindLifecycleRules(0));
    if (!present.has_value()) return absl::DataLossError("the lifecycle has no rules");
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.rules().etag(), present->rules.revision, "rules"));
    changed = FromProto(request.rules(), present->rules.revision) != present->rules;
    next = *present;
    if (!changed) return absl::OkStatus();
    next = {.rules = FromProto(request.rules(), present->rules.revision + 1),
            .author = request.author(),
            .note = request.note(),
            .time = absl::FromUnixMicros(absl::ToUnixMicros(now))};
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read(plan));
  } else {
    PERENNIAL_RETURN_IF_ERROR(store_
                                  .Write([&](WriteTransaction& transaction) -> absl::Status {
                                    PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                    if (!first) {
                                      PERENNIAL_ASSIGN_OR_RETURN(const auto present, transaction.FindLifecycleRules(0));
                                      if (present.has_value()) next = *present;
                                      return absl::OkStatus();
                                    }
                                    PERENNIAL_RETURN_IF_ERROR(plan(transaction));
                                    if (!changed) return absl::OkStatus();
                                    PERENNIAL_RETURN_IF_ERROR(transaction.PutLifecycleRules(next));
                                    return transaction.AddRefresh("", absl::InfinitePast(), absl::InfiniteFuture());
                                  })
                                  .status());
  }
  v1::UpdateLifecycleRulesResponse response;
  *response.mutable_rules() = ToProto(next);
  return response;
}

absl::StatusOr<v1::ListLifecycleRulesRevisionsResponse> Lifecycle::ListRevisions(
    const v1::ListLifecycleRulesRevisionsRequest& request) {
  BadRequest bad;
  const Page page(request, "lifecycle rules", bad);
  const std::int64_t before = page.Before(bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::ListLifecycleRulesRevisionsResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(auto revisions, transaction.ListLifecycleRules(before, page.limit()));
    const auto cursor_of = [](const LifecycleRevision& revision) { return absl::StrCat(revision.rules.revision); };
    return page.Fill(revisions, response, cursor_of, [&](const LifecycleRevision& revision) {
      *response.add_revisions() = ToProto(revision);
      return absl::OkStatus();
    });
  }));
  return response;
}

}  // namespace perennial::accounts
