#include "accounts-svc/goals.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "accounts-svc/account_messages.h"
#include "accounts-svc/care.h"
#include "accounts-svc/check_fields.h"
#include "accounts-svc/idempotency.h"
#include "accounts-svc/facts/goal_progress.h"
#include "accounts-svc/learn_facts.h"
#include "accounts-svc/paging.h"
#include "accounts-svc/store/state_codec.h"
#include "common/base/nearest.h"
#include "common/base/resource_name.h"
#include "common/base/status_macros.h"
#include "common/base/time_util.h"
#include "common/base/update_mask.h"
#include "common/facts/packed_facts.h"

namespace perennial::accounts {
namespace {

const std::vector<std::string>& MutableFields() {
  static const auto& fields = *new std::vector<std::string>{"title",        "measure",       "fact",     "start_value",
                                                            "target_value", "current_value", "due_time", "state"};
  return fields;
}

std::set<std::string> AllFields() { return {MutableFields().begin(), MutableFields().end()}; }

std::string NameOf(absl::string_view account_id, absl::string_view id) {
  return absl::StrCat("accounts/", account_id, "/goals/", id);
}

absl::StatusOr<v1::Goal> Decode(const CareRecord& record) {
  v1::Goal goal;
  if (!goal.ParseFromString(record.payload)) return absl::DataLossError("a stored goal cannot be read");
  return goal;
}

// What fields contradict in each other.
void CheckTogether(const v1::Goal& goal, BadRequest& bad) {
  if (goal.fact().empty() && goal.measure().empty()) bad.Add("goal.measure", "is required without fact");
  if (goal.has_start_value() && goal.has_target_value() && goal.start_value() == goal.target_value()) {
    bad.Add("goal.target_value", "must not be start_value");
  }
}

// Whether what counts as reaching the goal is another than it was.
bool AimsElsewhere(const v1::Goal& goal, const v1::Goal& before) {
  return goal.fact() != before.fact() || goal.start_value() != before.start_value() ||
         goal.target_value() != before.target_value();
}

// `goal` as it is stored when it follows `before` at `effective`: its state made consistent, nothing that is not the
// client's but the time of achievement.
std::string Encode(const v1::Goal& goal, const v1::Goal* before, bool state_asked, absl::Time effective) {
  v1::Goal stored;
  CopyFields(goal, AllFields(), &stored);
  if (stored.has_due_time()) SetTimestamp(StoredTime(goal.due_time()), stored.mutable_due_time());
  if (!stored.fact().empty()) stored.clear_current_value();
  if (stored.state() == v1::GOAL_STATE_UNSPECIFIED) stored.set_state(v1::GOAL_STATE_ACTIVE);
  const bool was_achieved = before != nullptr && before->state() == v1::GOAL_STATE_ACHIEVED;
  if (was_achieved && !state_asked && AimsElsewhere(goal, *before)) stored.set_state(v1::GOAL_STATE_ACTIVE);
  if (stored.state() == v1::GOAL_STATE_ACTIVE && stored.fact().empty() && stored.has_current_value()) {
    const Goal value{.start = stored.start_value(), .target = stored.target_value()};
    if (ProgressOf(value, stored.current_value()) == 1) stored.set_state(v1::GOAL_STATE_ACHIEVED);
  }
  if (stored.state() == v1::GOAL_STATE_ACHIEVED) {
    if (was_achieved) {
      *stored.mutable_achieve_time() = before->achieve_time();
    } else if (before == nullptr && goal.state() == v1::GOAL_STATE_ACHIEVED && goal.has_achieve_time()) {
      SetTimestamp(StoredTime(goal.achieve_time()), stored.mutable_achieve_time());
    } else {
      SetTimestamp(effective, stored.mutable_achieve_time());
    }
  }
  return stored.SerializeAsString();
}

template <class Request>
std::optional<absl::Time> EffectiveTime(const Request& request) {
  if (!request.has_effective_time()) return std::nullopt;
  return StoredTime(request.effective_time());
}

void CheckNumber(absl::string_view field, bool present, double value, bool required, BadRequest& bad) {
  if (!present && required) bad.Add(field, "is required");
  if (present && !std::isfinite(value)) bad.Add(field, "must be a finite number");
}

}  // namespace

absl::Status Goals::CheckFact(const std::string& name) const {
  PERENNIAL_RETURN_IF_ERROR(LearnFacts(store_, numbering_));
  if (absl::StartsWith(name, "goals.")) return absl::InvalidArgumentError("must not be one that follows from goals");
  return numbering_.WithCatalogue([&](const facts::FactCatalogue& catalogue) -> absl::Status {
    const auto id = catalogue.Find(name);
    if (id.has_value() && catalogue.Get(*id).type == facts::FactType::kNumber) return absl::OkStatus();
    if (id.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("must be a number, not a ", NameOf(catalogue.Get(*id).type)));
    }
    std::vector<absl::string_view> numbers;
    for (facts::FactId fact = 0; fact < catalogue.size(); ++fact) {
      if (catalogue.Get(fact).type == facts::FactType::kNumber) numbers.emplace_back(catalogue.Get(fact).name);
    }
    const std::string nearest = NearestName(name, numbers);
    return absl::InvalidArgumentError(
        absl::StrCat("names no known fact", nearest.empty() ? "" : absl::StrCat("; did you mean '", nearest, "'?")));
  });
}

void Goals::CheckFields(const v1::Goal& goal, const std::set<std::string>& fields, BadRequest& bad) const {
  if (fields.contains("title")) CheckText("goal.title", goal.title(), 1, 256, bad);
  if (fields.contains("measure")) CheckText("goal.measure", goal.measure(), 0, 1024, bad);
  if (fields.contains("fact") && !goal.fact().empty()) bad.AddIfError("goal.fact", CheckFact(goal.fact()));
  if (fields.contains("start_value")) {
    CheckNumber("goal.start_value", goal.has_start_value(), goal.start_value(), true, bad);
  }
  if (fields.contains("target_value")) {
    CheckNumber("goal.target_value", goal.has_target_value(), goal.target_value(), true, bad);
  }
  if (fields.contains("current_value") && goal.fact().empty()) {
    CheckNumber("goal.current_value", goal.has_current_value(), goal.current_value(), false, bad);
  }
  if (fields.contains("due_time")) {
    CheckTime("goal.due_time", goal.has_due_time(), goal.due_time(), false, absl::InfiniteFuture(), bad);
  }
  if (fields.contains("state") && !v1::GoalState_IsValid(goal.state())) bad.Add("goal.state", "is no state");
}

absl::StatusOr<v1::Goal> Goals::ToProto(ReadTransaction& transaction, const AccountRecord& account,
                                        const CareRecord& record) const {
  PERENNIAL_ASSIGN_OR_RETURN(v1::Goal out, Decode(record));
  PERENNIAL_ASSIGN_OR_RETURN(const Goal goal, DecodeGoal(record.id, record.payload));
  std::optional<double> value = goal.current;
  if (!goal.fact.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<FeedRow> row, transaction.FindFacts(account.no));
    v1::PackedFacts packed;
    if (row.has_value() && !packed.ParseFromString(row->payload))
      return absl::DataLossError("stored facts cannot be read");
    auto id =
        numbering_.WithCatalogue([&](const facts::FactCatalogue& catalogue) { return catalogue.Find(goal.fact); });
    if (id.has_value()) id = numbering_.ToStored(*id);
    for (int i = 0; id.has_value() && i < packed.number_ids_size() && i < packed.number_values_size(); ++i) {
      if (packed.number_ids(i) == *id) value = packed.number_values(i);
    }
    if (value.has_value()) out.set_current_value(*value);
  }
  const auto progress = ProgressOf(goal, value);
  if (progress.has_value()) out.set_progress(*progress);
  out.set_overdue(IsOverdue(goal, clock_.Now()) && progress != 1);
  out.set_name(NameOf(account.id, record.id));
  SetTimestamp(record.create_time, out.mutable_create_time());
  SetTimestamp(record.update_time, out.mutable_update_time());
  if (record.delete_time.has_value()) SetTimestamp(*record.delete_time, out.mutable_delete_time());
  SetTimestamp(record.effective, out.mutable_effective_time());
  out.set_etag(EtagOf(record.version));
  return out;
}

absl::StatusOr<v1::CreateGoalResponse> Goals::Create(const v1::CreateGoalRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  bad.AddIfError("goal_id", CheckId(request.goal_id()));
  if (!request.has_goal()) bad.Add("goal", "is required");
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  CheckFields(request.goal(), AllFields(), bad);
  CheckTogether(request.goal(), bad);
  if (request.goal().state() == v1::GOAL_STATE_ACHIEVED) {
    const bool dated = request.has_effective_time() && IsValidTimestamp(request.effective_time());
    CheckTime("goal.achieve_time", request.goal().has_achieve_time(), request.goal().achieve_time(), false,
              dated ? ToTime(request.effective_time()) : now, bad);
  }
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  v1::CreateGoalResponse response;
  AccountRecord account;
  CareRecord record;
  const auto prepare = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(record, NewCare(transaction, account.no, CareKind::kGoal, request.goal_id(),
                                               NameOf(*account_id, request.goal_id()), EffectiveTime(request), now));
    record.payload = Encode(request.goal(), nullptr, true, record.effective);
    return absl::OkStatus();
  };
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_RETURN_IF_ERROR(prepare(transaction));
      PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_goal(), ToProto(transaction, account, record));
      return absl::OkStatus();
    }));
    return response;
  }
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_RETURN_IF_ERROR(prepare(transaction));
                                  transaction.Touch(account.no);
                                  return transaction.PutCare(account.no, CareKind::kGoal, record);
                                })
                                .status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_goal(), Standing(*account_id, request.goal_id()));
  return response;
}

absl::StatusOr<v1::Goal> Goals::Standing(absl::string_view account_id, absl::string_view id) {
  v1::Goal goal;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, KnownAccount(transaction, account_id));
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<CareRecord> record,
                               transaction.FindCare(account.no, CareKind::kGoal, id));
    if (!record.has_value()) return NoSuch(NameOf(account_id, id));
    PERENNIAL_ASSIGN_OR_RETURN(goal, ToProto(transaction, account, *record));
    return absl::OkStatus();
  }));
  return goal;
}

absl::StatusOr<v1::GetGoalResponse> Goals::Get(const v1::GetGoalRequest& request) {
  const auto name = ChildOf(request.name(), "accounts", "goals");
  if (!name.ok()) return BadField("name", name.status().message());
  v1::GetGoalResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, name->parent));
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<CareRecord> record,
                               transaction.FindCare(account.no, CareKind::kGoal, name->child));
    if (!record.has_value()) return NoSuch(request.name());
    PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_goal(), ToProto(transaction, account, *record));
    return absl::OkStatus();
  }));
  return response;
}

absl::StatusOr<v1::ListGoalsResponse> Goals::List(const v1::ListGoalsRequest& request) {
  BadRequest bad;
  const auto account_id = IdOf(request.parent(), "accounts");
  bad.AddIfError("parent", account_id.status());
  const Page page(request, absl::StrCat(request.parent(), "\ngoals\n", request.show_deleted()), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  v1::ListGoalsResponse response;
  PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, *account_id));
    PERENNIAL_ASSIGN_OR_RETURN(
        std::vector<CareRecord> records,
        transaction.ListCare(account.no, CareKind::kGoal, page.cursor(), request.show_deleted(), page.limit()));
    const auto add = [&](const CareRecord& record) -> absl::Status {
      PERENNIAL_ASSIGN_OR_RETURN(*response.add_goals(), ToProto(transaction, account, record));
      return absl::OkStatus();
    };
    return page.Fill(records, response, [](const CareRecord& record) { return record.id; }, add);
  }));
  return response;
}

absl::StatusOr<v1::UpdateGoalResponse> Goals::Update(const v1::UpdateGoalRequest& request) {
  const absl::Time now = StoredNow(clock_);
  BadRequest bad;
  if (!request.has_goal()) bad.Add("goal", "is required");
  const auto name = ChildOf(request.goal().name(), "accounts", "goals");
  bad.AddIfError("goal.name", name.status());
  CheckTime("effective_time", request.has_effective_time(), request.effective_time(), false, now, bad);
  const std::set<std::string> fields = ResolveUpdateMask(
      request.goal(), request.has_update_mask() ? &request.update_mask() : nullptr, MutableFields(), {},
      {"name", "progress", "overdue", "achieve_time", "create_time", "update_time", "delete_time", "etag",
       "effective_time"},
      bad);
  CheckFields(request.goal(), fields, bad);
  if (!request.validate_only()) CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());

  AccountRecord account;
  CareRecord record;
  bool changed = false;
  const auto merge = [&](ReadTransaction& transaction) -> absl::Status {
    PERENNIAL_ASSIGN_OR_RETURN(account, LiveAccount(transaction, name->parent));
    PERENNIAL_ASSIGN_OR_RETURN(record,
                               LiveCare(transaction, account.no, CareKind::kGoal, name->child, request.goal().name()));
    PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.goal().etag(), record.version, "goal"));
    PERENNIAL_ASSIGN_OR_RETURN(const v1::Goal before, Decode(record));
    v1::Goal goal = before;
    CopyFields(request.goal(), fields, &goal);
    BadRequest contradiction;
    CheckTogether(goal, contradiction);
    PERENNIAL_RETURN_IF_ERROR(contradiction.ToStatus());
    CareRecord next = record;
    PERENNIAL_RETURN_IF_ERROR(BeginVersion(EffectiveTime(request), now, next));
    next.payload = Encode(goal, &before, fields.contains("state"), next.effective);
    changed = next.payload != record.payload;
    if (changed) record = std::move(next);
    return absl::OkStatus();
  };
  v1::UpdateGoalResponse response;
  if (request.validate_only()) {
    PERENNIAL_RETURN_IF_ERROR(store_.Read([&](ReadTransaction& transaction) -> absl::Status {
      PERENNIAL_RETURN_IF_ERROR(merge(transaction));
      PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_goal(), ToProto(transaction, account, record));
      return absl::OkStatus();
    }));
    return response;
  }
  PERENNIAL_RETURN_IF_ERROR(store_
                                .Write([&](WriteTransaction& transaction) -> absl::Status {
                                  PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
                                  if (!first) return absl::OkStatus();
                                  PERENNIAL_RETURN_IF_ERROR(merge(transaction));
                                  if (!changed) return absl::OkStatus();
                                  transaction.Touch(account.no);
                                  return transaction.PutCare(account.no, CareKind::kGoal, record);
                                })
                                .status());
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_goal(), Standing(name->parent, name->child));
  return response;
}

absl::StatusOr<v1::DeleteGoalResponse> Goals::Delete(const v1::DeleteGoalRequest& request) {
  BadRequest bad;
  const auto name = ChildOf(request.name(), "accounts", "goals");
  bad.AddIfError("name", name.status());
  CheckRequestId(request.request_id(), bad);
  PERENNIAL_RETURN_IF_ERROR(bad.ToStatus());
  const absl::Time now = StoredNow(clock_);
  PERENNIAL_RETURN_IF_ERROR(
      store_
          .Write([&](WriteTransaction& transaction) -> absl::Status {
            PERENNIAL_ASSIGN_OR_RETURN(const bool first, BeginOnce(transaction, request, now));
            if (!first) return absl::OkStatus();
            PERENNIAL_ASSIGN_OR_RETURN(const AccountRecord account, LiveAccount(transaction, name->parent));
            PERENNIAL_ASSIGN_OR_RETURN(CareRecord record,
                                       LiveCare(transaction, account.no, CareKind::kGoal, name->child, request.name()));
            PERENNIAL_RETURN_IF_ERROR(CheckEtag(request.etag(), record.version, "goal"));
            PERENNIAL_RETURN_IF_ERROR(BeginVersion(std::nullopt, now, record));
            record.delete_time = now;
            transaction.Touch(account.no);
            return transaction.PutCare(account.no, CareKind::kGoal, record);
          })
          .status());
  v1::DeleteGoalResponse response;
  PERENNIAL_ASSIGN_OR_RETURN(*response.mutable_goal(), Standing(name->parent, name->child));
  return response;
}

}  // namespace perennial::accounts
