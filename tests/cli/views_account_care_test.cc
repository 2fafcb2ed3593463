// Tasks, goals, contacts and the timeline in the picture of one account.
#include <gmock/gmock.h>

#include "cli/account_sections.h"
#include "cli/account_view.h"
#include "cli/terminal.h"
#include "tests/cli/views_sample.h"

namespace perennial::cli {
namespace {

namespace v1 = perennial::accounts::v1;

using testing::At;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::SampleAccount;

std::string Seen(const Page& page) { return Render(page, false); }

v1::Task& AddTask(AccountData& data, const std::string& title, v1::TaskKind kind) {
  v1::Task& task = *data.customer.add_tasks();
  task.set_title(title);
  task.set_kind(kind);
  task.set_origin("manual");
  return task;
}

v1::Goal& AddGoal(AccountData& data, const std::string& title, double start, double target) {
  v1::Goal& goal = *data.customer.add_goals();
  goal.set_title(title);
  goal.set_start_value(start);
  goal.set_target_value(target);
  goal.set_state(v1::GOAL_STATE_ACTIVE);
  return goal;
}

// The sample with two tasks, three goals, two contacts and two entries.
AccountData CaredFor() {
  AccountData data = SampleAccount();
  v1::Task& late = AddTask(data, "Call the champion", v1::TASK_KIND_CALL);
  *late.mutable_due_time() = At("2024-12-01T00:00:00Z");
  late.set_assignee("kim");
  v1::Task& list = AddTask(data, "Roll out", v1::TASK_KIND_CHECKLIST);
  list.add_checklist()->set_done(true);
  list.add_checklist();
  v1::Goal& half = AddGoal(data, "Everybody logs in", 0, 40);
  half.set_current_value(20);
  half.set_progress(0.5);
  *half.mutable_due_time() = At("2025-03-01T00:00:00Z");
  v1::Goal& late_goal = AddGoal(data, "Fewer tickets", 10, 2);
  *late_goal.mutable_due_time() = At("2024-11-01T00:00:00Z");
  late_goal.set_overdue(true);
  v1::Goal& done = AddGoal(data, "First report", 0, 1);
  done.set_state(v1::GOAL_STATE_ACHIEVED);
  *done.mutable_achieve_time() = At("2024-06-05T00:00:00Z");
  done.set_current_value(1);
  done.set_progress(1);
  v1::Contact& ann = *data.customer.add_contacts();
  ann.set_display_name("Ann Archer");
  ann.set_role(v1::CONTACT_ROLE_CHAMPION);
  ann.set_email("ann@northwind.test");
  v1::Contact& bob = *data.customer.add_contacts();
  bob.set_display_name("Bob");
  bob.set_departed(true);
  *bob.mutable_depart_time() = At("2024-10-01T00:00:00Z");
  for (const auto& [time, summary] : {std::pair{"2024-12-20T10:00:00Z", "Call, inbound: asked for a discount"},
                                      {"2024-06-01T00:00:00Z", "Phase ADOPTION: first value"}}) {
    v1::TimelineEntry& entry = *data.customer.add_timeline();
    *entry.mutable_time() = At(time);
    entry.set_summary(summary);
  }
  return data;
}

TEST(AccountCare, ShowsOpenTasksByDueTime) {
  EXPECT_EQ(Seen(AccountTasks(CaredFor(), 80)),
            R"(Tasks ─────────────────────────────────────────────────────────────────── 2 open
  due         task                                    kind           for  from
  2024-12-01  Call the champion                       call           kim  manual
  –           Roll out                                checklist 1/2  –    manual
)");
}

TEST(AccountCare, ShowsGoalsWithTheirProgress) {
  EXPECT_EQ(Seen(AccountGoals(CaredFor(), 80)),
            R"(Goals ────────────────────────────────────────────────────────── 1 of 3 achieved
  goal                       value       progress
  Everybody logs in          20 of 40    █████·····   50.0%  until 2025-03-01
  Fewer tickets              – (10 → 2)                   –  overdue 2024-11-01
  First report               1 of 1      ██████████  100.0%  achieved 2024-06-05
)");
}

TEST(AccountCare, ShowsContactsAndWhoLeft) {
  const std::string seen = Seen(AccountContacts(CaredFor(), 80));
  EXPECT_THAT(seen, HasSubstr("Ann Archer"));
  EXPECT_THAT(seen, HasSubstr("champion"));
  EXPECT_THAT(seen, HasSubstr("ann@northwind.test"));
  EXPECT_THAT(seen, HasSubstr("Bob  left 2024-10-01"));
}

TEST(AccountCare, ShowsTheTimelineNewestFirst) {
  EXPECT_EQ(Seen(AccountTimeline(CaredFor(), 60)),
            R"(Timeline ────────────────────────────────────── newest first
  2024-12-20  Call, inbound: asked for a discount
  2024-06-01  Phase ADOPTION: first value
)");
}

TEST(AccountCare, SectionsOfNothingAreLeftOut) {
  const AccountData data = SampleAccount();
  EXPECT_TRUE(AccountTasks(data, 80).empty());
  EXPECT_TRUE(AccountGoals(data, 80).empty());
  EXPECT_TRUE(AccountContacts(data, 80).empty());
  EXPECT_TRUE(AccountTimeline(data, 80).empty());
}

TEST(AccountCare, AMissingPartIsMarkedAndNotLeftOut) {
  AccountData data = SampleAccount();
  for (const char* part : {"tasks", "goals", "contacts", "timeline"}) {
    auto* missing = data.customer.add_missing_parts();
    missing->set_part(part);
    missing->mutable_status()->set_message(std::string(part) + " took too long");
  }
  const std::string seen = Seen(RenderAccount(data, 80));
  for (const char* part : {"tasks", "goals", "contacts", "timeline"}) {
    EXPECT_THAT(seen, HasSubstr("could not be read: " + std::string(part) + " took too long"));
  }
}

TEST(AccountCare, LongListsSayHowMuchIsLeftOut) {
  AccountData data = SampleAccount();
  for (int i = 0; i < 12; ++i) AddTask(data, "Task " + std::to_string(i), v1::TASK_KIND_REVIEW);
  const std::string seen = Seen(AccountTasks(data, 80));
  EXPECT_THAT(seen, HasSubstr("Task 9"));
  EXPECT_THAT(seen, Not(HasSubstr("Task 10")));
  EXPECT_THAT(seen, HasSubstr("and 2 more (--json has all)"));
}

TEST(AccountCare, FitsEveryWidth) {
  AccountData data = CaredFor();
  data.customer.mutable_tasks(0)->set_title(std::string(200, 't'));
  data.customer.mutable_tasks(0)->set_assignee(std::string(200, 'a'));
  data.customer.mutable_goals(0)->set_title(std::string(200, 'g'));
  data.customer.mutable_contacts(0)->set_email(std::string(200, 'e'));
  data.customer.mutable_timeline(0)->set_summary(std::string(200, 's'));
  for (int width = kDefaultWidth; width <= kMaxWidth; ++width) {
    for (const Text& line : RenderAccount(data, width)) EXPECT_LE(line.width(), width) << line.Render(false);
  }
}

}  // namespace
}  // namespace perennial::cli
