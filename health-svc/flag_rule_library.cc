#include "health-svc/flag_rule_library.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/page_token.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/update_mask.h"
#include "common/server/audited_change.h"
#include "common/filter/filter.h"
#include "health-svc/config_edits.h"
#include "health-svc/request_names.h"

namespace perennial::health {
namespace {

const std::vector<std::string>& MutableFields() {
  static const auto& fields = *new std::vector<std::string>{"display_name", "filter",      "severity", "category",
                                                            "raise_after",  "clear_after", "advice",   "clear_filter"};
  return fields;
}

const std::vector<std::string>& OutputFields() {
  static const auto& fields = *new std::vector<std::string>{"id", "name", "etag", "author", "update_time", "shipped"};
  return fields;
}

absl::StatusOr<std::string> RuleOfName(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("is required");
  if (!absl::ConsumePrefix(&name, "flagRules/") || !CheckSlug(name).ok()) {
    return absl::InvalidArgumentError("must look like flagRules/{id}");
  }
  return std::string(name);
}

absl::Status NoSuchRule(const std::string& id) {
  return WithReason(absl::NotFoundError(absl::StrCat("flagRules/", id, " does not exist")), "NO_SUCH_FLAG_RULE");
}

}  // namespace

absl::Status FlagRuleLibrary::Check(const v1::FlagRule& rule, BadRequest& bad) const {
  CheckFlagRule(rule, "flag_rule", bad);
  const ReadLock read(portfolio_.lock());
  // What the facts are is not known yet; what else is wrong can be said.
  if (!portfolio_.caught_up()) return bad.empty() ? NotCaughtUp() : absl::OkStatus();
  const auto check_names = [&](const std::string& filter, absl::string_view field) {
    if (!filter.empty() && LiveFilter::CheckText(filter, {"flags."}).ok()) {
      bad.AddIfError(field, filter::Filter::Compile(filter, portfolio_.catalogue()).status());
    }
  };
  check_names(rule.filter(), "flag_rule.filter");
  check_names(rule.clear_filter(), "flag_rule.clear_filter");
  return absl::OkStatus();
}

absl::StatusOr<v1::CreateFlagRuleResponse> FlagRuleLibrary::Create(const v1::CreateFlagRuleRequest& request) {
  const std::string& id = request.flag_rule_id();
  BadRequest bad;
  bad.AddIfError("flag_rule_id", CheckSlug(id));
  CheckAuthorship({.author = request.author()}, "author", bad);
  if (!request.has_flag_rule()) {
    bad.Add("flag_rule", "is required");
  } else {
    PERENNIAL_RETURN_IF_ERROR(Check(request.flag_rule(), bad));
  }
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  auto stored = configurator_.ChangeRules(
      request.validate_only(), [&](const FlagRuleConfiguration& present) -> absl::StatusOr<ConfigRevision> {
        if (present.Find(id) != nullptr) {
          return WithReason(absl::AlreadyExistsError(absl::StrCat("flagRules/", id, " exists")), "FLAG_RULE_EXISTS");
        }
        ConfigRevision next = present.Next(id, request.flag_rule(), configurator_.Now());
        next.author = request.author();
        return next;
      });
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  v1::CreateFlagRuleResponse response;
  *response.mutable_flag_rule() = *std::move(stored);
  return response;
}

absl::StatusOr<v1::GetFlagRuleResponse> FlagRuleLibrary::Get(const v1::GetFlagRuleRequest& request) {
  const auto id = RuleOfName(request.name());
  BadRequest bad;
  bad.AddIfError("name", id.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  absl::StatusOr<v1::GetFlagRuleResponse> response = NoSuchRule(*id);
  configurator_.ReadRules([&](const FlagRuleConfiguration& present) {
    const auto* kept = present.Find(*id);
    if (kept == nullptr) return;
    v1::GetFlagRuleResponse found;
    *found.mutable_flag_rule() = ToAnswer(kept->meta, kept->definition);
    response = std::move(found);
  });
  return response;
}

absl::StatusOr<v1::ListFlagRulesResponse> FlagRuleLibrary::List(const v1::ListFlagRulesRequest& request) {
  constexpr absl::string_view kKey = "ListFlagRules";
  const auto page_size = PageSize(request.page_size());
  const auto cursor = ReadPageToken(request.page_token(), kKey);
  BadRequest bad;
  bad.AddIfError("page_size", page_size.status());
  bad.AddIfError("page_token", cursor.status());
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListFlagRulesResponse response;
  configurator_.ReadRules([&](const FlagRuleConfiguration& present) {
    for (v1::FlagRule& rule : present.InForce()) {
      if (rule.id() <= *cursor) continue;
      if (response.rules_size() == *page_size) {
        response.set_next_page_token(MakePageToken(response.rules(*page_size - 1).id(), kKey));
        return;
      }
      *response.add_rules() = std::move(rule);
    }
  });
  return response;
}

absl::StatusOr<v1::UpdateFlagRuleResponse> FlagRuleLibrary::Update(const v1::UpdateFlagRuleRequest& request) {
  const auto id = RuleOfName(request.flag_rule().name());
  BadRequest bad;
  if (!request.has_flag_rule()) bad.Add("flag_rule", "is required");
  bad.AddIfError("flag_rule.name", id.status());
  CheckAuthorship({.author = request.author()}, "author", bad);
  const std::set<std::string> paths =
      ResolveUpdateMask(request.flag_rule(), request.has_update_mask() ? &request.update_mask() : nullptr,
                        MutableFields(), {}, OutputFields(), bad);
  if (!id.ok()) return bad.ToStatus();
  auto stored = configurator_.ChangeRules(
      request.validate_only(), [&](const FlagRuleConfiguration& present) -> absl::StatusOr<ConfigRevision> {
        const auto* kept = present.Find(*id);
        if (kept == nullptr) return bad.empty() ? NoSuchRule(*id) : bad.ToStatus();
        v1::FlagRule next = kept->definition;
        CopyFields(request.flag_rule(), paths, next);
        PERENNIAL_RETURN_IF_ERROR(Check(next, bad));
        PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
        PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.flag_rule().etag(), kept->meta.revision, "flag rule"));
        NoteOldValue(ToAnswer(kept->meta, kept->definition));
        return RevisionOfUpdate(present, *kept, next, {.author = request.author()}, configurator_.Now());
      });
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  v1::UpdateFlagRuleResponse response;
  *response.mutable_flag_rule() = *std::move(stored);
  return response;
}

absl::StatusOr<v1::DeleteFlagRuleResponse> FlagRuleLibrary::Delete(const v1::DeleteFlagRuleRequest& request) {
  const auto id = RuleOfName(request.name());
  BadRequest bad;
  bad.AddIfError("name", id.status());
  CheckAuthorship({.author = request.author()}, "author", bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const auto stored =
      configurator_.ChangeRules(false, [&](const FlagRuleConfiguration& present) -> absl::StatusOr<ConfigRevision> {
        const auto* kept = present.Find(*id);
        if (kept == nullptr) return NoSuchRule(*id);
        PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), kept->meta.revision, "flag rule"));
        NoteOldValue(ToAnswer(kept->meta, kept->definition));
        ConfigRevision next = present.Next(*id, kept->definition, configurator_.Now());
        next.author = request.author();
        next.deleted = true;
        return next;
      });
  PERENNIAL_RETURN_IF_ERROR(stored.status());
  return v1::DeleteFlagRuleResponse();
}

}  // namespace perennial::health
