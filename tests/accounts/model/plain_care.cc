// Contacts, goals and tasks of the plain model, from docs/care.md.
#include <algorithm>

#include "tests/accounts/model/plain_model.h"

namespace perennial::accounts::testing {
namespace {

template <class Message>
Message OnlyFields(const Message& from, std::initializer_list<const char*> fields) {
  google::protobuf::FieldMask mask;
  for (const char* field : fields) mask.add_paths(field);
  Message only;
  CopyPaths(from, mask, &only);
  return only;
}

bool Names(const google::protobuf::FieldMask& mask, const std::string& path) {
  return std::find(mask.paths().begin(), mask.paths().end(), path) != mask.paths().end();
}

// Who has left has done so at some moment: `since` when none is said.
v1::Contact Completed(v1::Contact contact, absl::Time since) {
  if (!contact.departed()) contact.clear_depart_time();
  if (contact.departed() && !contact.has_depart_time()) *contact.mutable_depart_time() = StampOf(since);
  return contact;
}

// A goal as it follows `before` (null: nothing) since a moment.
v1::Goal Completed(v1::Goal goal, const v1::Goal* before, bool state_asked, absl::Time since) {
  if (!goal.fact().empty()) goal.clear_current_value();
  if (goal.state() == v1::GOAL_STATE_UNSPECIFIED) goal.set_state(v1::GOAL_STATE_ACTIVE);
  const bool was_achieved = before != nullptr && before->state() == v1::GOAL_STATE_ACHIEVED;
  const bool another = before != nullptr && (goal.fact() != before->fact() || goal.start_value() != before->start_value() ||
                                             goal.target_value() != before->target_value());
  if (was_achieved && another && !state_asked) goal.set_state(v1::GOAL_STATE_ACTIVE);
  // What people keep themselves is reached at once; what a fact says is looked at afterwards.
  if (goal.state() == v1::GOAL_STATE_ACTIVE && goal.fact().empty() && GoalProgress(goal, {}) == 1) {
    goal.set_state(v1::GOAL_STATE_ACHIEVED);
  }
  goal.clear_achieve_time();
  if (goal.state() == v1::GOAL_STATE_ACHIEVED) {
    *goal.mutable_achieve_time() = was_achieved ? before->achieve_time() : StampOf(since);
  }
  return goal;
}

bool GoodGoal(const v1::Goal& goal) {
  return (!goal.fact().empty() || !goal.measure().empty()) && goal.start_value() != goal.target_value();
}

// The first version of a contact or goal, perhaps after a deleted one of the same id.
template <class Message, class Complete>
Code Create(std::vector<PlainVersion<Message>>& versions, absl::Time since, Complete complete) {
  if (!versions.empty() && !versions.back().deleted) return Code::ALREADY_EXISTS;
  if (!versions.empty() && since < versions.back().since) return Code::INVALID_ARGUMENT;
  versions.push_back({.since = since, .state = complete()});
  return Code::OK;
}

template <class Message>
std::vector<PlainVersion<Message>>* LiveVersions(std::map<std::string, std::vector<PlainVersion<Message>>>& all,
                                                 const std::string& id) {
  const auto found = all.find(id);
  return found == all.end() || found->second.back().deleted ? nullptr : &found->second;
}

template <class Message>
Code Delete(std::vector<PlainVersion<Message>>* versions, absl::Time now) {
  if (versions == nullptr) return Code::NOT_FOUND;
  versions->push_back({.since = now, .state = versions->back().state, .deleted = true});
  return Code::OK;
}

}  // namespace

v1::Contact ClientFields(v1::Contact contact) {
  return OnlyFields(contact, {"display_name", "email", "phone", "title", "role", "departed", "depart_time"});
}

v1::Goal ClientFields(v1::Goal goal) {
  return OnlyFields(goal, {"title", "measure", "fact", "start_value", "target_value", "current_value", "due_time", "state"});
}

v1::Task ClientFields(v1::Task task) {
  return OnlyFields(task, {"title", "kind", "assignee", "due_time", "origin", "description", "checklist", "state", "outcome"});
}

void PlainModel::LookAtGoals() {
  for (auto& [id, account] : accounts_) {
    if (account.goals.empty()) continue;
    const std::optional<FactMap> facts = FactsOf(id, now_);
    if (!facts.has_value()) continue;
    for (auto& [goal_id, versions] : account.goals) {
      const PlainVersion<v1::Goal>& last = versions.back();
      if (last.deleted || last.state.state() != v1::GOAL_STATE_ACTIVE) continue;
      if (GoalProgress(last.state, *facts) != 1) continue;
      v1::Goal achieved = last.state;
      achieved.set_state(v1::GOAL_STATE_ACHIEVED);
      *achieved.mutable_achieve_time() = StampOf(now_);
      versions.push_back({.since = now_, .state = achieved});
    }
  }
}

Code PlainModel::Apply(const v1::CreateContactRequest& request) {
  const absl::Time since = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  const v1::Contact& contact = request.contact();
  if (since > now_ || (contact.has_depart_time() && TimeOf(contact.depart_time()) > now_)) return Code::INVALID_ARGUMENT;
  if (contact.has_depart_time() && !contact.departed()) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(request.parent());
  if (account == nullptr) return Code::NOT_FOUND;
  const auto complete = [&] { return Completed(ClientFields(contact), since); };
  const Code code = Create(account->contacts[request.contact_id()], since, complete);
  return code;
}

Code PlainModel::Apply(const v1::UpdateContactRequest& request) {
  const absl::Time since = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  const v1::Contact& asked = request.contact();
  const bool departs = Names(request.update_mask(), "depart_time") && asked.has_depart_time();
  if (since > now_ || (departs && TimeOf(asked.depart_time()) > now_)) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(asked.name());
  auto* versions = account == nullptr ? nullptr : LiveVersions(account->contacts, ChildIn(asked.name()));
  if (versions == nullptr) return Code::NOT_FOUND;
  v1::Contact contact = versions->back().state;
  CopyPaths(asked, request.update_mask(), &contact);
  if (departs && !contact.departed()) return Code::INVALID_ARGUMENT;
  if (since < versions->back().since) return Code::INVALID_ARGUMENT;
  contact = Completed(contact, since);
  if (!Same(contact, versions->back().state)) versions->push_back({.since = since, .state = contact});
  return Code::OK;
}

Code PlainModel::Apply(const v1::DeleteContactRequest& request) {
  PlainAccount* account = LiveOf(request.name());
  if (account == nullptr) return Code::NOT_FOUND;
  return Delete(LiveVersions(account->contacts, ChildIn(request.name())), now_);
}

Code PlainModel::Apply(const v1::CreateGoalRequest& request) {
  const absl::Time since = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  if (since > now_ || !GoodGoal(request.goal())) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(request.parent());
  if (account == nullptr) return Code::NOT_FOUND;
  const auto complete = [&] { return Completed(ClientFields(request.goal()), nullptr, true, since); };
  const Code code = Create(account->goals[request.goal_id()], since, complete);
  LookAtGoals();
  return code;
}

Code PlainModel::Apply(const v1::UpdateGoalRequest& request) {
  const absl::Time since = request.has_effective_time() ? TimeOf(request.effective_time()) : now_;
  if (since > now_) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(request.goal().name());
  auto* versions = account == nullptr ? nullptr : LiveVersions(account->goals, ChildIn(request.goal().name()));
  if (versions == nullptr) return Code::NOT_FOUND;
  const v1::Goal before = versions->back().state;
  v1::Goal goal = before;
  CopyPaths(request.goal(), request.update_mask(), &goal);
  if (!GoodGoal(goal) || since < versions->back().since) return Code::INVALID_ARGUMENT;
  goal = Completed(goal, &before, Names(request.update_mask(), "state"), since);
  if (!Same(goal, before)) versions->push_back({.since = since, .state = goal});
  LookAtGoals();
  return Code::OK;
}

Code PlainModel::Apply(const v1::DeleteGoalRequest& request) {
  PlainAccount* account = LiveOf(request.name());
  if (account == nullptr) return Code::NOT_FOUND;
  return Delete(LiveVersions(account->goals, ChildIn(request.name())), now_);
}

Code PlainModel::Apply(const v1::CreateTaskRequest& request) {
  v1::Task task = ClientFields(request.task());
  if (task.state() == v1::TASK_STATE_UNSPECIFIED) task.set_state(v1::TASK_STATE_OPEN);
  if (task.state() == v1::TASK_STATE_DONE) *task.mutable_complete_time() = StampOf(now_);
  if (task.origin().empty()) task.set_origin("manual");
  if (task.kind() == v1::TASK_KIND_CHECKLIST && task.checklist().empty()) return Code::INVALID_ARGUMENT;
  PlainAccount* account = LiveOf(request.parent());
  if (account == nullptr) return Code::NOT_FOUND;
  *task.mutable_create_time() = StampOf(now_);
  return account->tasks.emplace(request.task_id(), task).second ? Code::OK : Code::ALREADY_EXISTS;
}

Code PlainModel::Apply(const v1::UpdateTaskRequest& request) {
  PlainAccount* account = LiveOf(request.task().name());
  if (account == nullptr || !account->tasks.contains(ChildIn(request.task().name()))) return Code::NOT_FOUND;
  v1::Task& present = account->tasks[ChildIn(request.task().name())];
  v1::Task task = present;
  CopyPaths(request.task(), request.update_mask(), &task);
  if (task.state() == v1::TASK_STATE_UNSPECIFIED) task.set_state(v1::TASK_STATE_OPEN);
  if (task.state() == v1::TASK_STATE_DONE && present.state() != v1::TASK_STATE_DONE) return Code::INVALID_ARGUMENT;
  if (task.kind() == v1::TASK_KIND_CHECKLIST && task.checklist().empty()) return Code::INVALID_ARGUMENT;
  if (task.state() != v1::TASK_STATE_DONE) task.clear_complete_time();
  present = task;
  return Code::OK;
}

Code PlainModel::Apply(const v1::CompleteTaskRequest& request) {
  PlainAccount* account = LiveOf(request.name());
  if (account == nullptr || !account->tasks.contains(ChildIn(request.name()))) return Code::NOT_FOUND;
  v1::Task& task = account->tasks[ChildIn(request.name())];
  if (task.state() == v1::TASK_STATE_DONE) return Code::OK;
  if (task.state() == v1::TASK_STATE_CANCELLED) return Code::FAILED_PRECONDITION;
  const bool all_done = std::all_of(task.checklist().begin(), task.checklist().end(),
                                    [](const v1::ChecklistItem& item) { return item.done(); });
  if (task.kind() == v1::TASK_KIND_CHECKLIST && !all_done) return Code::FAILED_PRECONDITION;
  task.set_state(v1::TASK_STATE_DONE);
  *task.mutable_complete_time() = StampOf(now_);
  if (!request.outcome().empty()) task.set_outcome(request.outcome());
  return Code::OK;
}

}  // namespace perennial::accounts::testing
