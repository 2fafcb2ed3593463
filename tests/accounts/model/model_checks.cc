#include "tests/accounts/model/model_checks.h"

#include <algorithm>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/accounts/model/model_text.h"

namespace perennial::accounts::testing {
namespace {

// Next to those of all checks.
using testing::Line;
using testing::Plain;
using testing::Text;

std::string Text(const v1::Account& account) {
  std::string text = ClientFields(account).display_name();
  absl::StrAppend(&text, " owner=", account.owner(), " parent=", account.parent(), " tags=",
                  absl::StrJoin(ClientFields(account).tags(), ","));
  std::map<std::string, std::string> attributes;
  for (const auto& [key, value] : account.attributes()) attributes[key] = value.ShortDebugString();
  for (const auto& [key, value] : attributes) absl::StrAppend(&text, " ", key, "=", value);
  return text;
}

std::string Line(const PlainMovement& movement) {
  return absl::StrCat(Text(movement.time), " ", v1::MovementKind_Name(movement.kind), " ", movement.amount, " to ",
                      movement.mrr_after);
}

PlainMovement Plain(const v1::RevenueMovement& movement) {
  return {movement.kind(), TimeOf(movement.effective_time()), Millionths(movement.amount().amount()),
          Millionths(movement.mrr_after().amount())};
}

std::string Line(const v1::Task& task) {
  return absl::StrCat(ClientFields(task).ShortDebugString(), task.has_complete_time() ? " done " : "",
                      task.has_complete_time() ? Text(TimeOf(task.complete_time())) : "");
}

std::string Line(const v1::TimelineEntry& entry) {
  std::string text = absl::StrCat(Text(TimeOf(entry.time())), " ");
  if (entry.has_record()) absl::StrAppend(&text, entry.record().ShortDebugString());
  if (entry.has_phase_change()) absl::StrAppend(&text, Line(Plain(entry.phase_change())));
  if (entry.has_movement()) absl::StrAppend(&text, Line(Plain(entry.movement())));
  if (entry.has_task()) absl::StrAppend(&text, entry.task().name(), " ", Line(entry.task()));
  return text;
}

}  // namespace

std::string ModelChecks::Facts(const std::string& id, std::optional<absl::Time> as_of) {
  v1::GetFactsRequest request;
  request.set_name("accounts/" + id);
  if (as_of.has_value()) *request.mutable_as_of() = StampOf(*as_of);
  grpc::ClientContext context;
  SetDeadline(context);
  v1::GetFactsResponse response;
  const grpc::Status status = stubs_.facts->GetFacts(&context, request, &response);
  const std::string what = absl::StrCat(" facts of ", id, as_of.has_value() ? " as of " + Text(*as_of) : "", "\n");
  const std::optional<FactMap> expected = model_.FactsOf(id, as_of.value_or(model_.now()));
  const Code code = expected.has_value() ? Code::OK : Code::NOT_FOUND;
  if (status.error_code() != code) {
    return absl::StrCat(what, "  code ", status.error_code(), ", should be ", code, ": ", status.error_message(), "\n");
  }
  if (!expected.has_value()) return {};
  const std::string difference = Difference(*expected, FactMapOf(response));
  return difference.empty() ? "" : what + difference;
}

std::string ModelChecks::Export(absl::Time as_of) {
  v1::ExportFactsRequest request;
  *request.mutable_as_of() = StampOf(as_of);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = stubs_.facts->ExportFacts(&context, request);
  RowReader reader;
  std::map<std::string, FactMap> exported;
  v1::ExportFactsResponse message;
  while (stream->Read(&message)) {
    for (const auto& definition : message.definitions()) reader.Announce(definition);
    for (const auto& row : message.rows()) exported[row.account_id()] = reader.Read(row);
  }
  if (const grpc::Status status = stream->Finish(); !status.ok()) return "export: " + status.error_message() + "\n";
  std::string text;
  for (const auto& [id, account] : model_.accounts()) {
    const std::optional<FactMap> expected = model_.FactsOf(id, as_of);
    const std::string difference =
        expected.has_value() != exported.contains(id) ? (expected.has_value() ? "  is missing\n" : "  should not be there\n")
        : expected.has_value()                        ? Difference(*expected, exported[id])
                                                      : "";
    if (!difference.empty()) absl::StrAppend(&text, " export as of ", Text(as_of), " of ", id, "\n", difference);
  }
  return text;
}

std::string ModelChecks::Accounts() {
  Lines expected;
  Lines selected;
  for (const auto& [id, account] : model_.accounts()) {
    const std::vector<PlainPhase> phases = PhasesBy(Begun(account), model_.now());
    // What a deleted account's phase would be by now is nobody's business.
    const std::string phase = account.deleted || phases.empty() ? "" : v1::LifecyclePhase_Name(phases.back().phase);
    expected.push_back(absl::StrCat(id, " ", Text(account.states.rbegin()->second), " since ", Text(account.customer_since),
                                    account.deleted ? " deleted" : " " + phase));
    const std::optional<FactMap> facts = model_.FactsOf(id, model_.now());
    if (!facts.has_value() || !facts->contains("mrr") || std::get<double>(facts->at("mrr")) <= 10) continue;
    if (std::get<double>(facts->at("support.open")) < 3) selected.push_back(id);
  }
  v1::ListAccountsRequest request;
  request.set_show_deleted(true);
  Lines actual;
  std::string text = Pages(*stubs_.accounts, &v1::AccountService::Stub::ListAccounts, request, [&](const auto& response) {
    for (const v1::Account& account : response.accounts()) {
      const std::string phase =
          account.phase() == v1::LIFECYCLE_PHASE_UNSPECIFIED ? "" : v1::LifecyclePhase_Name(account.phase());
      actual.push_back(absl::StrCat(AccountIn(account.name()), " ", Text(account), " since ",
                                    Text(TimeOf(account.customer_since())),
                                    account.has_delete_time() ? " deleted" : " " + phase));
    }
  });
  absl::StrAppend(&text, Compare("accounts", expected, actual));
  request.set_show_deleted(false);
  request.set_filter("mrr > 10 AND support.open < 3");
  actual.clear();
  absl::StrAppend(&text, Pages(*stubs_.accounts, &v1::AccountService::Stub::ListAccounts, request, [&](const auto& response) {
                    for (const v1::Account& account : response.accounts()) actual.push_back(AccountIn(account.name()));
                  }));
  return absl::StrCat(text, Compare(request.filter(), selected, actual));
}

std::string ModelChecks::Tasks() {
  std::string text;
  for (const std::string assignee : {"", "owner1"}) {
    std::map<std::tuple<absl::Time, std::string, std::string>, std::string> ordered;
    for (const auto& [id, account] : model_.accounts()) {
      for (const auto& [task_id, task] : account.tasks) {
        if (account.deleted || (!assignee.empty() && task.assignee() != assignee)) continue;
        const absl::Time due = task.has_due_time() ? TimeOf(task.due_time()) : absl::InfiniteFuture();
        ordered[{due, id, task_id}] = absl::StrCat("accounts/", id, "/tasks/", task_id, " ", Line(task));
      }
    }
    Lines expected;
    for (const auto& [place, line] : ordered) expected.push_back(line);
    Lines actual;
    v1::ListTasksRequest request;
    request.set_parent("accounts/-");
    request.set_assignee(assignee);
    absl::StrAppend(&text, Pages(*stubs_.tasks, &v1::TaskService::Stub::ListTasks, request, [&](const auto& response) {
                      for (const v1::Task& task : response.tasks()) actual.push_back(absl::StrCat(task.name(), " ", Line(task)));
                    }));
    absl::StrAppend(&text, Compare("tasks of " + assignee, expected, actual));
  }
  return text;
}

std::string ModelChecks::Account(const std::string& id) {
  const PlainAccount* account = model_.Live(id);
  if (account == nullptr) return {};
  const PlainAccount counted = Begun(*account);
  return absl::StrCat(Subscriptions(id, *account), Movements(id, counted), Phases(id, counted), TimeInPhases(id, counted),
                      Moves(id, *account), Timeline(id, counted), Contacts(id, *account), Goals(id, *account));
}

// An account that begins later has no ledger and no phases yet.
PlainAccount ModelChecks::Begun(const PlainAccount& account) const {
  PlainAccount counted = model_.Counted(account);
  if (counted.states.begin()->first > model_.now()) {
    counted.subscriptions.clear();
    counted.moves.clear();
  }
  return counted;
}

std::string ModelChecks::Subscriptions(const std::string& id, const PlainAccount& account) {
  Lines expected;
  for (const auto& [name, subscription] : account.subscriptions) {
    expected.push_back(absl::StrCat(name, " from ", Text(subscription.start), " ",
                                    subscription.states.rbegin()->second.ShortDebugString()));
  }
  v1::ListSubscriptionsRequest request;
  request.set_parent("accounts/" + id);
  Lines actual;
  const auto take = [&](const v1::ListSubscriptionsResponse& response) {
    for (const v1::Subscription& subscription : response.subscriptions()) {
      actual.push_back(absl::StrCat(ChildIn(subscription.name()), " from ", Text(TimeOf(subscription.start_time())), " ",
                                    ClientFields(subscription).ShortDebugString()));
    }
  };
  const std::string text = Pages(*stubs_.subscriptions, &v1::SubscriptionService::Stub::ListSubscriptions, request, take);
  return text + Compare("subscriptions of " + id, expected, actual);
}

std::string ModelChecks::Movements(const std::string& id, const PlainAccount& account) {
  Lines expected;
  for (const PlainMovement& movement : MovementsBy(account, model_.now())) expected.push_back(Line(movement));
  v1::ListRevenueMovementsRequest request;
  request.set_parent("accounts/" + id);
  Lines actual;
  const auto take = [&](const v1::ListRevenueMovementsResponse& response) {
    for (const auto& movement : response.movements()) actual.push_back(Line(Plain(movement)));
  };
  const std::string text = Pages(*stubs_.subscriptions, &v1::SubscriptionService::Stub::ListRevenueMovements, request, take);
  return text + Compare("movements of " + id, expected, actual);
}

std::string ModelChecks::Timeline(const std::string& id, const PlainAccount& account) {
  Lines expected;
  const auto add = [&](absl::Time time, const std::string& line) {
    if (time <= model_.now()) expected.push_back(absl::StrCat(Text(time), " ", line));
  };
  for (const auto& [key, states] : account.records) {
    add(TimeOf(states.back().event_time()), states.back().ShortDebugString());
  }
  for (const PlainPhase& phase : PhasesBy(account, model_.now())) add(phase.time, Line(phase));
  for (const PlainMovement& movement : MovementsBy(account, model_.now())) add(movement.time, Line(movement));
  for (const auto& [name, task] : account.tasks) {
    add(TimeOf(task.has_complete_time() ? task.complete_time() : task.create_time()),
        absl::StrCat("accounts/", id, "/tasks/", name, " ", Line(task)));
  }
  v1::ListTimelineRequest request;
  request.set_parent("accounts/" + id);
  Lines actual;
  std::string text;
  absl::Time before = absl::InfiniteFuture();
  const auto take = [&](const v1::ListTimelineResponse& response) {
    for (const v1::TimelineEntry& entry : response.entries()) {
      actual.push_back(Line(entry));
      if (TimeOf(entry.time()) > before) absl::StrAppend(&text, " timeline of ", id, " is not newest first\n");
      before = TimeOf(entry.time());
    }
  };
  absl::StrAppend(&text, Pages(*stubs_.timeline, &v1::TimelineService::Stub::ListTimeline, request, take));
  // Entries of the same moment are in no order that anybody is told.
  std::sort(expected.begin(), expected.end());
  std::sort(actual.begin(), actual.end());
  return text + Compare("timeline of " + id, expected, actual);
}

std::string ModelChecks::Contacts(const std::string& id, const PlainAccount& account) {
  Lines expected;
  std::string text;
  for (const auto& [name, versions] : account.contacts) {
    const auto& last = versions.back();
    expected.push_back(absl::StrCat(name, last.deleted ? " deleted " : " ", last.state.ShortDebugString()));
    // As of the moment of some version, just before it, or now.
    const auto& any = versions[random_() % versions.size()];
    const absl::Time as_of = any.since - absl::Microseconds(random_() % 2);
    const PlainVersion<v1::Contact>* then = nullptr;
    for (const auto& version : versions) {
      if (version.since <= as_of) then = &version;
    }
    v1::GetContactRequest request;
    request.set_name(absl::StrCat("accounts/", id, "/contacts/", name));
    *request.mutable_as_of() = StampOf(as_of);
    v1::GetContactResponse response;
    grpc::ClientContext context;
    SetDeadline(context);
    const grpc::Status status = stubs_.accounts->GetContact(&context, request, &response);
    const std::string answer = status.ok() ? absl::StrCat(response.contact().has_delete_time() ? "deleted " : "",
                                                          ClientFields(response.contact()).ShortDebugString())
                                           : absl::StrCat(status.error_code());
    const std::string good = then == nullptr ? absl::StrCat(Code::NOT_FOUND)
                                             : absl::StrCat(then->deleted ? "deleted " : "", then->state.ShortDebugString());
    absl::StrAppend(&text, Compare(absl::StrCat("contact ", name, " of ", id, " as of ", Text(as_of)), {good}, {answer}));
  }
  v1::ListContactsRequest request;
  request.set_parent("accounts/" + id);
  request.set_show_deleted(true);
  Lines actual;
  const auto take = [&](const v1::ListContactsResponse& response) {
    for (const v1::Contact& contact : response.contacts()) {
      actual.push_back(absl::StrCat(ChildIn(contact.name()), contact.has_delete_time() ? " deleted " : " ",
                                    ClientFields(contact).ShortDebugString()));
    }
  };
  absl::StrAppend(&text, Pages(*stubs_.accounts, &v1::AccountService::Stub::ListContacts, request, take));
  return text + Compare("contacts of " + id, expected, actual);
}

std::string ModelChecks::Goals(const std::string& id, const PlainAccount& account) {
  const FactMap facts = model_.FactsOf(id, model_.now()).value_or(FactMap());
  const auto line = [](const std::string& name, bool deleted, v1::Goal goal, std::optional<double> progress) {
    goal.clear_current_value();
    const std::string achieved = goal.has_achieve_time() ? " achieved " + Text(TimeOf(goal.achieve_time())) : "";
    return absl::StrCat(name, deleted ? " deleted " : " ", ClientFields(goal).ShortDebugString(), achieved, " progress ",
                        progress.has_value() ? absl::StrCat(*progress) : "unknown");
  };
  Lines expected;
  for (const auto& [name, versions] : account.goals) {
    expected.push_back(line(name, versions.back().deleted, versions.back().state, GoalProgress(versions.back().state, facts)));
  }
  v1::ListGoalsRequest request;
  request.set_parent("accounts/" + id);
  request.set_show_deleted(true);
  Lines actual;
  const auto take = [&](const v1::ListGoalsResponse& response) {
    for (const v1::Goal& goal : response.goals()) {
      actual.push_back(line(ChildIn(goal.name()), goal.has_delete_time(), goal,
                            goal.has_progress() ? std::optional<double>(goal.progress()) : std::nullopt));
    }
  };
  const std::string text = Pages(*stubs_.goals, &v1::GoalService::Stub::ListGoals, request, take);
  return text + Compare("goals of " + id, expected, actual);
}

}  // namespace perennial::accounts::testing
