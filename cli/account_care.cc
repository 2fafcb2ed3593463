// Sections of an account's picture about the care for it: tasks, goals, contacts and the timeline.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/account_sections.h"
#include "cli/bars.h"
#include "cli/format.h"
#include "cli/table.h"
#include "common/base/time_util.h"

namespace perennial::cli {
namespace {

namespace v1 = perennial::accounts::v1;

constexpr int kMostRows = 10;
constexpr int kProgressBar = 10;

// Says how many are not shown.
void AddRest(int size, Table& table) {
  if (size > kMostRows)
    table.AddLine(Text(absl::StrCat("and ", size - kMostRows, " more (--json has all)"), Style::kDim));
}

std::string KindOf(const v1::Task& task) {
  switch (task.kind()) {
    case v1::TASK_KIND_CALL: return "call";
    case v1::TASK_KIND_MESSAGE: return "message";
    case v1::TASK_KIND_REVIEW: return "review";
    case v1::TASK_KIND_CHECKLIST: {
      const auto done = std::count_if(task.checklist().begin(), task.checklist().end(),
                                      [](const v1::ChecklistItem& item) { return item.done(); });
      return absl::StrCat("checklist ", done, "/", task.checklist_size());
    }
    default: return {};
  }
}

std::string RoleOf(const v1::Contact& contact) {
  switch (contact.role()) {
    case v1::CONTACT_ROLE_CHAMPION: return "champion";
    case v1::CONTACT_ROLE_DECISION_MAKER: return "decision maker";
    case v1::CONTACT_ROLE_USER: return "user";
    case v1::CONTACT_ROLE_ADMIN: return "admin";
    case v1::CONTACT_ROLE_BILLING: return "billing";
    case v1::CONTACT_ROLE_SPONSOR: return "sponsor";
    default: return {};
  }
}

Text StateOf(const v1::Goal& goal) {
  switch (goal.state()) {
    case v1::GOAL_STATE_ACHIEVED: return {absl::StrCat("achieved ", FormatDate(goal.achieve_time())), Style::kGreen};
    case v1::GOAL_STATE_CANCELLED: return {"cancelled", Style::kDim};
    default: break;
  }
  if (goal.overdue()) return {absl::StrCat("overdue ", FormatDate(goal.due_time())), Style::kRed};
  return {goal.has_due_time() ? absl::StrCat("until ", FormatDate(goal.due_time())) : "active"};
}

// "3 of 20", or "4 (10 → 2)" where the start says more.
std::string ValueOf(const v1::Goal& goal) {
  const std::string value = goal.has_current_value() ? FormatNumber(goal.current_value()) : std::string(kUnknown);
  if (goal.start_value() == 0) return absl::StrCat(value, " of ", FormatNumber(goal.target_value()));
  return absl::StrCat(value, " (", FormatNumber(goal.start_value()), " → ", FormatNumber(goal.target_value()), ")");
}

}  // namespace

Page AccountTasks(const AccountData& data, int width) {
  const auto& tasks = data.customer.tasks();
  const Page missing = MissingPart(data, "tasks", width);
  if (tasks.empty() && missing.empty()) return {};
  Page page = {SectionHead("Tasks", tasks.empty() ? "" : absl::StrCat(tasks.size(), " open"), width)};
  Append(page, missing);
  const absl::Time moment = MomentOf(data);
  Table table(
      {{"due"}, {"task", Align::kLeft, true}, {"kind"}, {"for", Align::kLeft, true}, {"from", Align::kLeft, true}});
  for (int i = 0; i < std::min(tasks.size(), kMostRows); ++i) {
    const v1::Task& task = tasks[i];
    const bool late = task.has_due_time() && ToTime(task.due_time()) < moment;
    table.AddRow({Text(task.has_due_time() ? FormatDate(task.due_time()) : std::string(kUnknown),
                       late ? Style::kRed : Style::kPlain),
                  Text(task.title(), Style::kBold), KindOf(task),
                  task.assignee().empty() ? std::string(kUnknown) : task.assignee(), Text(task.origin(), Style::kDim)});
  }
  AddRest(tasks.size(), table);
  if (!tasks.empty()) Append(page, table.Render(width));
  return page;
}

Page AccountGoals(const AccountData& data, int width) {
  const auto& goals = data.customer.goals();
  const Page missing = MissingPart(data, "goals", width);
  if (goals.empty() && missing.empty()) return {};
  const auto achieved = std::count_if(goals.begin(), goals.end(),
                                      [](const v1::Goal& goal) { return goal.state() == v1::GOAL_STATE_ACHIEVED; });
  Page page = {
      SectionHead("Goals", goals.empty() ? "" : absl::StrCat(achieved, " of ", goals.size(), " achieved"), width)};
  Append(page, missing);
  Table table({{"goal", Align::kLeft, true}, {"value", Align::kLeft, true}, {"progress"}, {"", Align::kRight}, {""}});
  for (int i = 0; i < std::min(goals.size(), kMostRows); ++i) {
    const v1::Goal& goal = goals[i];
    const auto progress = goal.has_progress() ? std::optional(goal.progress()) : std::nullopt;
    table.AddRow({Text(goal.title(), Style::kBold), ValueOf(goal),
                  progress.has_value()
                      ? Bar(*progress, kProgressBar, *progress == 1 ? Style::kGreen : Style::kCyan, true)
                      : Text(),
                  progress.has_value() ? FormatPercent(progress) : std::string(kUnknown), StateOf(goal)});
  }
  AddRest(goals.size(), table);
  if (!goals.empty()) Append(page, table.Render(width));
  return page;
}

Page AccountContacts(const AccountData& data, int width) {
  const auto& contacts = data.customer.contacts();
  const Page missing = MissingPart(data, "contacts", width);
  if (contacts.empty() && missing.empty()) return {};
  Page page = {SectionHead("Contacts", "", width)};
  Append(page, missing);
  Table table(
      {{"", Align::kLeft, true}, {""}, {"", Align::kLeft, true}, {"", Align::kLeft, true}, {"", Align::kLeft, true}});
  for (int i = 0; i < std::min(contacts.size(), kMostRows); ++i) {
    const v1::Contact& contact = contacts[i];
    Text name(contact.display_name(), contact.departed() ? Style::kDim : Style::kBold);
    if (contact.departed()) name.Add(absl::StrCat("  left ", FormatDate(contact.depart_time())), Style::kYellow);
    table.AddRow({name, RoleOf(contact), Text(contact.title(), Style::kDim), contact.email(), contact.phone()});
  }
  AddRest(contacts.size(), table);
  if (!contacts.empty()) Append(page, table.Render(width));
  return page;
}

Page AccountTimeline(const AccountData& data, int width) {
  const auto& timeline = data.customer.timeline();
  const Page missing = MissingPart(data, "timeline", width);
  if (timeline.empty() && missing.empty()) return {};
  Page page = {SectionHead("Timeline", timeline.empty() ? "" : "newest first", width)};
  Append(page, missing);
  for (const v1::TimelineEntry& entry : timeline) {
    page.push_back(
        Text("  ").Add(FormatDate(entry.time()), Style::kDim).Add("  ").Add(entry.summary()).Truncated(width));
  }
  return page;
}

}  // namespace perennial::cli
